from django.db import migrations

FORWARD = """
CREATE FUNCTION arena_refuse_vote_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'votes are never changed' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER vote_never_changes BEFORE UPDATE ON arena_vote
    FOR EACH ROW EXECUTE FUNCTION arena_refuse_vote_change();
"""
BACKWARD = """
DROP TRIGGER vote_never_changes ON arena_vote;
DROP FUNCTION arena_refuse_vote_change();
"""


class Migration(migrations.Migration):
    dependencies = [("arena", "0001_initial")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
