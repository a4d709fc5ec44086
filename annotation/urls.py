"""Addresses of clips, campaigns and labelling."""

from django.urls import include, path

from annotation import (
    views,
    views_campaigns,
    views_clips,
    views_editing,
    views_groups,
    views_progress,
    views_prompts,
)

urlpatterns = [
    # Clips
    path("clips/", views_clips.clip_list, name="clips"),
    path("clips/upload/", views_clips.upload, name="clip_upload"),
    path("clips/manifest/", views_clips.manifest_upload, name="clip_manifest"),
    path("clips/<uuid:clip_id>/", views_clips.clip_page, name="clip"),
    path("clips/<uuid:clip_id>/poster/", views_clips.poster, name="clip_poster"),
    path("clips/<uuid:clip_id>/video/", views_clips.video, name="clip_video"),
    path("clips/<uuid:clip_id>/original/", views_clips.original, name="clip_original"),
    path("prompts/<int:prompt_id>/first-frame/", views_clips.first_frame, name="prompt_first_frame"),
    # Prompts
    path("prompts/", views_prompts.prompt_sets, name="prompt_sets"),
    path("prompts/import/", views_prompts.prompt_import, name="prompt_import"),
    path("prompts/sets/<slug:slug>/", views_prompts.prompt_set, name="prompt_set"),
    path("prompts/sets/<slug:slug>/choice/", views_prompts.prompt_choice, name="prompt_choice"),
    path("prompts/candidates/<int:candidate_id>/", views_prompts.prompt_decide, name="prompt_decide"),
    # Campaigns
    path("campaigns/", views_campaigns.campaign_list, name="campaigns"),
    path("campaigns/new/", views_campaigns.campaign_new, name="campaign_new"),
    path("campaigns/<uuid:campaign_id>/", views_campaigns.campaign_page, name="campaign"),
    path("campaigns/<uuid:campaign_id>/state/", views_campaigns.campaign_state, name="campaign_state"),
    path("campaigns/<uuid:campaign_id>/edit/", views_editing.campaign_edit, name="campaign_edit"),
    path("campaigns/<uuid:campaign_id>/overlap/", views_editing.campaign_overlap, name="campaign_overlap"),
    path("campaigns/<uuid:campaign_id>/extend/", views_editing.campaign_extend, name="campaign_extend"),
    path(
        "campaigns/<uuid:campaign_id>/progress/", views_progress.campaign_progress, name="campaign_progress"
    ),
    # Annotators
    path("people/work-time/", views_progress.work_time, name="work_time"),
    path("people/groups/", views_groups.groups, name="groups"),
    path("people/groups/new/", views_groups.group, name="group_new"),
    path("people/groups/<int:pk>/", views_groups.group, name="group"),
    path("people/groups/<int:pk>/delete/", views_groups.group_delete, name="group_delete"),
    # What goes out and comes in: pairs, versions, imports, webhooks, shared prompts
    path("", include("annotation.urls_data")),
    path("", include("annotation.urls_beside")),
    path("", include("annotation.urls_quality")),
    # Labelling
    path("label/", views.label_home, name="label_home"),
    path("label/media/<uuid:item_clip_id>/", views.label_media, name="label_media"),
    path("label/first-frame/<uuid:assignment_id>/", views.label_first_frame, name="label_first_frame"),
    path("label/<uuid:campaign_id>/", views.label, name="label"),
]
