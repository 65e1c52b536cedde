"""The models of leads. ``leads/validators.py`` validates values; constraints are here."""

from typing import ClassVar
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.functional import cached_property

from crm_project.db.change_time import ChangeTimeField
from crm_project.validation import KEY_LENGTH, MAX_EMAIL
from leads import validators
from leads.attribution import Author as Author
from leads.audit import LeadChange as LeadChange
from leads.consents import Consent as Consent
from leads.erased_contacts import ErasedContact as ErasedContact
from leads.import_runs import ImportRun as ImportRun
from leads.import_runs import ImportUpdate as ImportUpdate
from leads.import_uploads import ImportUpload as ImportUpload
from leads.indexes import CountingIndex, SortKeyField, TrigramIndex
from leads.queries import HIGHER_BUDGET, LOWER_BUDGET
from leads.querysets import LeadQuerySet
from users.audit import Channel


class Installation(models.Model):
    """The name of this installation. Exports contain it, so that other installations do not trust their ids."""

    name = models.UUIDField(default=uuid4, editable=False)

    def __str__(self) -> str:
        return str(self.name)

    @classmethod
    def current_name(cls) -> str:
        """Return the name that this installation has in its exports."""
        return str(cls.objects.get_or_create(pk=1)[0].name)


class Lead(models.Model):
    """A person who may buy or sell.

    ``is_active`` false means softly deleted. ``version`` counts the changes of the lead's own fields,
    ``activity_count`` its activities. ``closed_at`` is when the status last became "closed". ``search`` and the keys
    are normalized forms that ``leads/search_keys.py`` returns. Every write goes through ``LeadQuerySet``,
    which updates them.
    """

    first_name = models.CharField(max_length=validators.MAX_NAME, blank=True)
    last_name = models.CharField(max_length=validators.MAX_NAME, blank=True)
    email = models.CharField(max_length=MAX_EMAIL, blank=True)
    phone = models.CharField(max_length=validators.MAX_PHONE, blank=True)
    status = models.CharField(max_length=validators.MAX_STATUS, default=validators.DEFAULT_STATUS)
    source = models.CharField(max_length=validators.MAX_SOURCE, default=validators.DEFAULT_SOURCE, blank=True)
    budget_min = models.BigIntegerField(null=True, blank=True)
    budget_max = models.BigIntegerField(null=True, blank=True)
    property_interest = models.TextField(  # noqa: DJ001  the contract's field is string or null
        "interested in", null=True, blank=True
    )
    tags = models.TextField(default="", db_default="", blank=True)  # see ``validators.tags``
    is_active = models.BooleanField("active", default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    activity_count = models.IntegerField("activities", default=0, editable=False)
    version = models.IntegerField(default=1, editable=False)
    closed_at = models.DateTimeField(null=True, editable=False)
    search = models.TextField(default="", editable=False)
    source_key = models.CharField(max_length=KEY_LENGTH, default="", editable=False)
    email_key = models.CharField(max_length=KEY_LENGTH, default="", editable=False)
    person_key = models.CharField(max_length=KEY_LENGTH, default="", editable=False)
    name_key = SortKeyField(max_length=KEY_LENGTH, default="", db_default="", editable=False)
    tag_keys = models.TextField(default="", db_default="", editable=False)
    # Changes with everything that the list shows of the lead; ``updated_at`` only with its own fields.
    change_time = ChangeTimeField()
    # No constraint in the database: checking the references of an import would take a tenth of its time.
    import_run = models.ForeignKey(
        ImportRun, on_delete=models.PROTECT, null=True, editable=False, db_index=False, db_constraint=False
    )
    # The survivor of a merge, which has the activities of this lead. This lead remains softly deleted.
    merged_into = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        editable=False,
        related_name="merged",
        db_index=False,
        db_constraint=False,
    )
    # A label: all agents see all leads. It becomes empty if the user is deleted.
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="leads",
        db_index=False,
    )
    # The author and the channel of the creation; empty for a lead from an import.
    created_by = models.ForeignKey(
        "leads.Author",
        on_delete=models.DO_NOTHING,
        null=True,
        editable=False,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    created_channel = models.CharField(  # noqa: DJ001  null: a column without a default is added at once
        max_length=8, choices=Channel.choices, null=True, editable=False
    )

    objects: ClassVar = LeadQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        permissions = (("export_leads", "Can export leads"), ("merge_leads", "Can merge leads"))
        constraints = [
            models.CheckConstraint(condition=~Q(status=""), name="leads_status_not_empty"),
            models.CheckConstraint(condition=Q(budget_min__gte=0), name="leads_budget_min_not_negative"),
            models.CheckConstraint(condition=Q(budget_max__gte=0), name="leads_budget_max_not_negative"),
            models.CheckConstraint(condition=Q(budget_min__lte=models.F("budget_max")), name="leads_budgets_in_order"),
            models.CheckConstraint(condition=Q(activity_count__gte=0), name="leads_activity_count_not_negative"),
            models.CheckConstraint(condition=Q(merged_into=None) | Q(is_active=False), name="leads_merged_are_deleted"),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], condition=Q(is_active=True), name="leads_newest"),
            models.Index(fields=["-created_at", "-id"], condition=Q(is_active=False), name="leads_deleted"),
            models.Index(fields=["status", "-created_at", "-id"], condition=Q(is_active=True), name="leads_by_status"),
            models.Index(
                fields=["source_key", "-created_at", "-id"], condition=Q(is_active=True), name="leads_by_source"
            ),
            # For the list's other orders, and for synchronization.
            models.Index(fields=["updated_at", "id"], condition=Q(is_active=True), name="leads_updated"),
            models.Index(fields=["updated_at", "id"], condition=Q(is_active=False), name="leads_deleted_updated"),
            models.Index(fields=["name_key", "id"], condition=Q(is_active=True), name="leads_named"),
            models.Index(fields=["name_key", "id"], condition=Q(is_active=False), name="leads_deleted_named"),
            models.Index(fields=["change_time"], condition=Q(change_time__isnull=False), name="leads_changed"),
            models.Index(
                fields=["created_by", "-created_at", "-id"],
                condition=Q(is_active=True, created_by__isnull=False),
                name="leads_by_author",
            ),
            # Two, because PostgreSQL does not know that rows without an owner are in the order of the other columns.
            models.Index(
                fields=["owner", "-created_at", "-id"],
                condition=Q(is_active=True, owner__isnull=False),
                name="leads_by_owner",
            ),
            models.Index(
                fields=["-created_at", "-id"], condition=Q(is_active=True, owner__isnull=True), name="leads_unowned"
            ),
            # PostgreSQL finds a rare tag by its trigrams, a frequent one among the newest leads with any tag.
            TrigramIndex(
                fields=["tag_keys"],
                opclasses=["gin_trgm_ops"],
                condition=Q(is_active=True) & ~Q(tag_keys=""),
                name="leads_by_tag",
            ),
            models.Index(
                fields=["-created_at", "-id"], condition=Q(is_active=True) & ~Q(tag_keys=""), name="leads_tagged"
            ),
            models.Index(
                fields=["closed_at"], condition=Q(is_active=True, closed_at__isnull=False), name="leads_closed"
            ),
            # Of all leads: PostgreSQL does not use the statistics of a partial index, and guesses a third of the table.
            models.Index(HIGHER_BUDGET, name="leads_higher_budget"),
            models.Index(LOWER_BUDGET, name="leads_lower_budget"),
            models.Index(fields=["email_key"], condition=Q(is_active=True) & ~Q(email_key=""), name="leads_email_key"),
            models.Index(
                fields=["person_key"], condition=Q(is_active=True) & ~Q(person_key=""), name="leads_person_key"
            ),
            models.Index(fields=["import_run"], condition=Q(import_run__isnull=False), name="leads_by_import_run"),
            models.Index(fields=["merged_into"], condition=Q(merged_into__isnull=False), name="leads_merged_into"),
            CountingIndex(
                fields=["status", "created_at", "closed_at", "activity_count", "is_active"],
                condition=Q(is_active=True),
                name="leads_counted",
            ),
            TrigramIndex(
                fields=["search"], opclasses=["gin_trgm_ops"], condition=Q(is_active=True), name="leads_search"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or self.email or self.phone or f"lead {self.pk}"

    @cached_property
    def is_erased(self) -> bool:
        """Return whether the lead is deleted and its personal data were erased; such a lead is not restored."""
        erasures = LeadChange.objects.of_lead(self.pk).filter(changes__has_key=validators.ERASED)
        return not self.is_active and erasures.exists()


class LeadCount(models.Model):
    """Counts of active leads, so that the dashboard costs the same at any size. PostgreSQL alone keeps them.

    Triggers on leads (see the migration) append what every statement changes, and now and then fold the rows of one
    key into one; only sums mean anything. Appending waits for nobody: a running total would be locked by whoever is in
    the middle of a long import.
    """

    class Kind(models.TextChoices):
        """What is counted under a key."""

        STATUS = "status"  # leads in ``status``, and their activities
        CREATED = "created"  # leads that came in on ``day``, in UTC
        CLOSED = "closed"  # leads that are closed now, and were on ``day``

    kind = models.CharField(max_length=8, choices=Kind.choices)
    status = models.CharField(max_length=validators.MAX_STATUS, blank=True)
    day = models.DateField(null=True)
    leads = models.BigIntegerField()
    activities = models.BigIntegerField()

    class Meta:
        ordering = ("id",)
        # Rows of one key pile up between two foldings, dead ones until the next vacuum: the whole is not to be read.
        indexes = [models.Index(fields=["kind", "day"], name="counts_by_kind")]

    def __str__(self) -> str:
        return f"{self.leads:+} {self.kind} {self.status or self.day}"


class SavedView(models.Model):
    """A query of the list of leads in the back office, under a name: its user's own, or shared with everybody."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=40)
    query = models.TextField()
    is_shared = models.BooleanField(default=False)

    class Meta:
        ordering = ("name", "id")
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="saved_views_once_a_user")]
        indexes = [models.Index(fields=["is_shared"], condition=Q(is_shared=True), name="saved_views_shared")]

    def __str__(self) -> str:
        return self.name


class ListColumns(models.Model):
    """The columns of the list of leads that a user chose; users without a row have the standard ones."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="+")
    columns = models.JSONField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return ", ".join(self.columns)
