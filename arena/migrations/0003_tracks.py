"""Boards become tracks: the two that were named by a task get a row each, and every battle points at its own.

Each vote also gets the two facts that new votes are given with: how often its voter had voted on the same
prompt and models, and how many votes they had given on that day.
"""

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

STANDARD = """
INSERT INTO arena_track (slug, task, name_en, name_zh, state, entry, anonymous, least_votes, outlier_alpha,
    leak_words, battles_shown, version, revision, created_at)
VALUES
    ('t2v', 't2v', 'Text to video', '文生视频', 'open', 'everybody', true, 0, 0.05, '', true, 0, 0, now()),
    ('i2v', 'i2v', 'Image to video', '图生视频', 'open', 'everybody', true, 0, 0.05, '', true, 0, 0, now());
UPDATE arena_battle SET track_id = (SELECT id FROM arena_track WHERE slug = arena_battle.task);
SET CONSTRAINTS ALL IMMEDIATE;
"""
TASKS = """
UPDATE arena_battle SET task = (SELECT task FROM arena_track WHERE id = arena_battle.track_id);
SET CONSTRAINTS ALL IMMEDIATE;
"""
FACTS = """
ALTER TABLE arena_vote DISABLE TRIGGER vote_never_changes;
UPDATE arena_vote SET repeats = facts.repeats, earlier_today = facts.earlier_today
FROM (
    SELECT vote.id,
        row_number() OVER (PARTITION BY voter_id, prompt_id, LEAST(left_model_id, right_model_id),
            GREATEST(left_model_id, right_model_id) ORDER BY vote.created_at, vote.id) - 1 AS repeats,
        row_number() OVER (PARTITION BY voter_id, track_id, (vote.created_at AT TIME ZONE 'UTC')::date
            ORDER BY vote.created_at, vote.id) - 1 AS earlier_today
    FROM arena_vote vote JOIN arena_battle battle ON battle.id = vote.battle_id
) facts
WHERE facts.id = arena_vote.id AND (facts.repeats > 0 OR facts.earlier_today > 0);
ALTER TABLE arena_vote ENABLE TRIGGER vote_never_changes;
"""
UNPACKED = """
CREATE FUNCTION arena_note_new_votes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO arena_unpackedvote (vote_id, track_id)
    SELECT given.id, battle.track_id FROM given JOIN arena_battle battle ON battle.id = given.battle_id;
    RETURN NULL;
END $$;
CREATE TRIGGER new_votes_are_noted AFTER INSERT ON arena_vote
    REFERENCING NEW TABLE AS given FOR EACH STATEMENT EXECUTE FUNCTION arena_note_new_votes();
INSERT INTO arena_unpackedvote (vote_id, track_id)
SELECT vote.id, battle.track_id FROM arena_vote vote JOIN arena_battle battle ON battle.id = vote.battle_id;
SET CONSTRAINTS ALL IMMEDIATE;
"""
NOTHING_NOTED = """
DROP TRIGGER new_votes_are_noted ON arena_vote;
DROP FUNCTION arena_note_new_votes();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("annotation", "0016_video_model_card"),
        ("arena", "0002_votes_never_change"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Ruling',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('outlier', "Votes unlike everybody else's"), ('excluded', 'Excluded by a manager'), ('cleared', "Counts, by a manager's word")], max_length=8)),
                ('votes', models.PositiveIntegerField(default=0)),
                ('p_value', models.FloatField(blank=True, null=True)),
                ('reason', models.CharField(blank=True, max_length=200)),
                ('at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
        ),
        migrations.CreateModel(
            name='Track',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(max_length=40, unique=True)),
                ('task', models.CharField(choices=[('t2v', 'Text to video'), ('i2v', 'Image to video')], max_length=3)),
                ('name_en', models.CharField(max_length=80)),
                ('name_zh', models.CharField(max_length=80)),
                ('state', models.CharField(choices=[('open', 'Open'), ('closed', 'Closed')], default='open', max_length=6)),
                ('entry', models.CharField(choices=[('everybody', 'Everybody with an account'), ('invited', 'Invited people only')], default='everybody', max_length=9)),
                ('anonymous', models.BooleanField(default=True)),
                ('least_votes', models.PositiveIntegerField(default=0)),
                ('day_cap', models.PositiveIntegerField(blank=True, null=True)),
                ('prompt_cap', models.PositiveIntegerField(blank=True, null=True)),
                ('outlier_alpha', models.FloatField(default=0.05, validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(0.5)])),
                ('leak_words', models.TextField(blank=True)),
                ('battles_shown', models.BooleanField(default=True)),
                ('version', models.PositiveIntegerField(default=0)),
                ('revision', models.PositiveIntegerField(default=0)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'ordering': ['pk'],
            },
        ),
        migrations.CreateModel(
            name='TrackPromptSet',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('weight', models.FloatField(default=1.0, validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(1000)])),
            ],
        ),
        migrations.CreateModel(
            name='UnpackedVote',
            fields=[
                ('vote', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to='arena.vote')),
            ],
        ),
        migrations.CreateModel(
            name='VoteBlock',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('votes', models.PositiveIntegerField()),
                ('packed', models.BinaryField()),
            ],
        ),
        migrations.RemoveConstraint(
            model_name='battle',
            name='one_open_battle_per_board',
        ),
        migrations.RemoveIndex(
            model_name='battle',
            name='battle_line_up',
        ),
        migrations.RemoveIndex(
            model_name='battle',
            name='battle_of_voter',
        ),
        migrations.AddField(
            model_name='battle',
            name='probability',
            field=models.FloatField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='vote',
            name='earlier_today',
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='vote',
            name='repeats',
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='ruling',
            name='decided_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='ruling',
            name='voter',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='rulings', to='arena.voter'),
        ),
        migrations.AddField(
            model_name='track',
            name='anchor',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='annotation.videomodel'),
        ),
        migrations.AddField(
            model_name='track',
            name='invited',
            field=models.ManyToManyField(blank=True, related_name='tracks', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='ruling',
            name='track',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='rulings', to='arena.track'),
        ),
        migrations.AddField(
            model_name='battle',
            name='track',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='battles', to='arena.track'),
        ),
        migrations.AddField(
            model_name='trackpromptset',
            name='prompt_set',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='annotation.promptset'),
        ),
        migrations.AddField(
            model_name='trackpromptset',
            name='track',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='track_prompt_sets', to='arena.track'),
        ),
        migrations.AddField(
            model_name='track',
            name='prompt_sets',
            field=models.ManyToManyField(related_name='tracks', through='arena.TrackPromptSet', to='annotation.promptset'),
        ),
        migrations.AddField(
            model_name='unpackedvote',
            name='track',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='arena.track'),
        ),
        migrations.AddField(
            model_name='voteblock',
            name='track',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='blocks', to='arena.track'),
        ),
        migrations.AddConstraint(
            model_name='ruling',
            constraint=models.UniqueConstraint(fields=('track', 'voter'), name='one_ruling_per_voter_and_track'),
        ),
        migrations.AddConstraint(
            model_name='trackpromptset',
            constraint=models.UniqueConstraint(fields=('track', 'prompt_set'), name='prompt_set_once_per_track'),
        ),
        migrations.AlterField(
            model_name="battle",
            name="task",
            field=models.CharField(choices=[("t2v", "Text to video"), ("i2v", "Image to video")], max_length=3, null=True),
        ),
        migrations.RunSQL(STANDARD, TASKS),
        migrations.AlterField(
            model_name="battle",
            name="track",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="battles", to="arena.track"),
        ),
        migrations.RemoveField(model_name="battle", name="task"),
        migrations.AddIndex(
            model_name='battle',
            index=models.Index(fields=['track', 'left_model', 'right_model'], name='battle_line_up'),
        ),
        migrations.AddIndex(
            model_name='battle',
            index=models.Index(fields=['voter', 'track', '-shown_at'], name='battle_of_voter'),
        ),
        migrations.AddIndex(
            model_name='battle',
            index=models.Index(condition=models.Q(('state', 'open')), fields=['track', 'expires_at'], name='battle_open'),
        ),
        migrations.AddConstraint(
            model_name='battle',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'open')), fields=('voter', 'track'), name='one_open_battle_per_track'),
        ),
        migrations.RunSQL(FACTS, migrations.RunSQL.noop),
        migrations.RunSQL(UNPACKED, NOTHING_NOTED),
    ]
