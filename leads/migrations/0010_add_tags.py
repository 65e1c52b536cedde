from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('leads', '0009_add_consents'),
    ]

    operations = [
        migrations.AddField(
            model_name='lead',
            name='tag_keys',
            field=models.TextField(db_default='', default='', editable=False),
        ),
        migrations.AddField(
            model_name='lead',
            name='tags',
            field=models.TextField(blank=True, db_default='', default=''),
        ),
    ]
