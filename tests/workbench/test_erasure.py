"""Erasing a person: nothing says who they were, and what they judged stays."""

import json

import pytest
from axes.models import AccessAttempt
from django.apps import apps
from django.contrib.sessions.models import Session
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse

from annotation.models import AnnotatorGroup, Assignment, Judgement
from tests.annotation import rows
from workbench.access import audit
from workbench.models import ApiToken, AuditEntry, Notice, Role, User
from workbench.people import erasure, invitations, membership

NAME, ADDRESS = "wanda.wu", "wanda@somewhere.example"


@pytest.fixture
def boss(db: None) -> User:
    return rows.person("boss", Role.MANAGER)


def everything() -> str:
    """Every row of every table, as text."""
    told = []
    with connection.cursor() as cursor:
        for model in apps.get_models():
            cursor.execute(f'SELECT row_to_json(t)::text FROM "{model._meta.db_table}" t')
            told += [row for (row,) in cursor.fetchall()]
    return "\n".join(told)


def test_nothing_of_the_person_is_left_but_their_work(boss: User, client: Client) -> None:
    wanda = User.objects.create_user(NAME, ADDRESS, "a long enough password", first_name="Wanda")
    pseudonym = wanda.pseudonym
    campaign = rows.campaign(boss, items=3, annotators=(wanda.pk,))
    judged = rows.judge(campaign, wanda, seconds=20.0)
    in_work = rows.taken(campaign, wanda)
    Assignment.objects.filter(pk=in_work.pk).update(draft={"picks": {}})
    AnnotatorGroup.objects.create(name="Night").members.add(wanda)
    client.force_login(wanda, backend="django.contrib.auth.backends.ModelBackend")
    token = ApiToken.mint(wanda, "laptop")[1]
    invitations.invite(email=ADDRESS, role="annotator", language="en", by=boss, user=wanda)
    AccessAttempt.objects.create(username=NAME, failures_since_start=1)
    Notice.objects.create(user=boss, text=f"{NAME} is slow in “Dogs”")
    Notice.objects.create(user=boss, text=f"{NAME}ton is somebody else")
    audit(None, "people.import", None, usernames=[NAME, "tom"])
    audit(None, "invitation.create", None, email=ADDRESS, role="annotator")
    audit(None, "campaign.create", campaign, name=NAME)

    client.force_login(boss, backend="django.contrib.auth.backends.ModelBackend")
    address = reverse("person_erase", args=[wanda.pk])
    assert client.post(address, {"username": "wanda"}).status_code == 422
    assert User.objects.get(pk=wanda.pk).erased_at is None
    assert client.post(address, {"username": NAME}).status_code == 302

    erased = User.objects.get(pk=wanda.pk)
    assert (erased.username, erased.pseudonym) == (f"erased-{pseudonym}", pseudonym)
    assert not erased.is_active
    assert Judgement.objects.get().annotator == erased
    assert Judgement.objects.get().pk == judged.pk
    rows.slots_add_up(campaign)
    assert campaign.participations.get().judged == 1
    left = [line for line in everything().splitlines() if NAME in line or ADDRESS in line or "Wanda" in line]
    assert len(left) == 2, "only what is not of this person: a campaign's name, and another one's notice"
    assert all(f'"name": "{NAME}"' in line or f"{NAME}ton" in line for line in left)
    assert AuditEntry.objects.get(action="people.import").detail == {"usernames": [pseudonym, "tom"]}
    assert AuditEntry.objects.get(action="person.erase").subject_id == str(wanda.pk)
    assert Session.objects.count() == 1, "the manager's"
    assert Client().get("/api/me", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    with pytest.raises(membership.NotAllowedError):
        membership.reactivate(erased, by=boss)
    with pytest.raises(membership.NotAllowedError):
        erasure.erase(erased, by=boss)
    with pytest.raises(membership.NotAllowedError):
        erasure.erase(boss, by=boss)
    exported = client.get(f"/api/campaigns/{campaign.pk}/export/items.jsonl").getvalue().decode()
    assert pseudonym in exported
    assert NAME not in json.dumps([json.loads(line)["judgements"] for line in exported.splitlines()])


def test_the_audit_trail_refuses_all_else_even_then(boss: User) -> None:
    audit(None, "invitation.create", None, email=ADDRESS)
    changes = [
        *(
            f"UPDATE workbench_auditentry SET {what}"
            for what in ("action = 'x'", "actor_id = 1", "at = now()")
        ),
        "DELETE FROM workbench_auditentry",
    ]
    for change in changes:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('workbench.erasing', 'on', true)")
            with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
                cursor.execute(change)
