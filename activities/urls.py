"""``/api/activities``, and the calls under ``/api/leads`` that need activities."""

from django.urls import path

from activities.calendar_views import CalendarViewSet
from activities.follow_ups.views import FollowUpViewSet, LeadFollowUpsViewSet
from activities.merge_views import MergeViewSet
from activities.views import ActivityViewSet, AllActivitiesViewSet, HistoryViewSet, VocabularyViewSet

urlpatterns = [
    path("leads/vocabulary", VocabularyViewSet.as_view({"get": "vocabulary"})),
    path("leads/<lead_id>/history", HistoryViewSet.as_view({"get": "list"})),
    path("leads/<lead_id>/activities", ActivityViewSet.as_view({"get": "list", "post": "create"})),
    path("leads/<lead_id>/follow-ups", LeadFollowUpsViewSet.as_view({"get": "list", "post": "create"})),
    path("leads/<lead_id>/log", LeadFollowUpsViewSet.as_view({"post": "log"})),
    path("leads/<lead_id>/merge", MergeViewSet.as_view({"post": "merge"})),
    path("activities", AllActivitiesViewSet.as_view({"get": "list"})),
    path("users/calendar/<secret>.ics", CalendarViewSet.as_view({"get": "feed"})),
    path("activities/follow-ups", FollowUpViewSet.as_view({"get": "list"})),
    path(
        "activities/follow-ups/<follow_up_id>",
        FollowUpViewSet.as_view({"get": "retrieve", "patch": "update", "delete": "destroy"}),
    ),
    path("activities/follow-ups/<follow_up_id>/done", FollowUpViewSet.as_view({"post": "done"})),
    path(
        "activities/<activity_id>",
        AllActivitiesViewSet.as_view({"get": "retrieve", "put": "update", "patch": "update", "delete": "destroy"}),
    ),
]
