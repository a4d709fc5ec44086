from django.db import migrations

# Blocks that lack the clips are made anew out of the votes, by whoever reads a board first.
FORWARD = """
DELETE FROM arena_voteblock;
INSERT INTO arena_unpackedvote (vote_id, track_id)
    SELECT vote.id, battle.track_id FROM arena_vote vote JOIN arena_battle battle ON battle.id = vote.battle_id
    ON CONFLICT DO NOTHING;
"""


class Migration(migrations.Migration):
    dependencies = [("arena", "0005_side_by_side")]

    operations = [migrations.RunSQL(FORWARD, FORWARD)]
