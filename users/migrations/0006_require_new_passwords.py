"""Whether a user must choose a new password before going on in the back office."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("users", "0005_log_account_events")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="must_change_password",
            field=models.BooleanField(
                db_default=False, default=False, verbose_name="must choose a new password at the next login"
            ),
        ),
    ]
