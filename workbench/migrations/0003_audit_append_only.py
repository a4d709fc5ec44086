from django.db import migrations

FORWARD = """
CREATE FUNCTION workbench_refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit entries are append-only: % refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON workbench_auditentry
    FOR EACH ROW EXECUTE FUNCTION workbench_refuse_audit_change();
"""
BACKWARD = """
DROP TRIGGER audit_append_only ON workbench_auditentry;
DROP FUNCTION workbench_refuse_audit_change();
"""


class Migration(migrations.Migration):
    dependencies = [("workbench", "0002_runs_offset_and_idempotency")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
