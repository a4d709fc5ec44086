"""Logging in and out, and the language of the pages."""

import pytest
from django.test import Client
from django.urls import reverse

from workbench.models import User

PASSWORD = "a long enough secret"


@pytest.fixture
def ann() -> User:
    return User.objects.create_user("ann", "ann@example.org", PASSWORD, language="zh-hans")


@pytest.mark.django_db
def test_logging_in_leads_home_in_the_persons_own_language(client: Client, ann: User) -> None:
    assert client.get("/").headers["Location"] == "/login/?next=/"
    assert 'lang="en"' in client.get("/login/").text
    answer = client.post("/login/", {"username": "ann", "password": PASSWORD, "next": "/"}, follow=True)
    assert answer.status_code == 200
    assert '<html lang="zh-hans">' in answer.text
    assert client.post(reverse("logout"), follow=True).redirect_chain[-1][0] == "/login/"
    assert client.get("/").status_code == 302
