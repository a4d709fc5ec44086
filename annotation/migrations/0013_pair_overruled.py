from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("annotation", "0012_slots_due")]

    operations = [
        migrations.AddIndex(
            model_name="preferencepair",
            index=models.Index(
                condition=models.Q(("overruled", True)), fields=["dimension", "id"], name="pair_overruled"
            ),
        ),
    ]
