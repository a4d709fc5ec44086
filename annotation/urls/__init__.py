"""Addresses of clips, campaigns and labelling."""

from django.urls import include, path

from annotation.views import campaigns, clips, editing, groups, labelling, progress, prompts

urlpatterns = [
    # Clips
    path("clips/", clips.clip_list, name="clips"),
    path("clips/upload/", clips.upload, name="clip_upload"),
    path("clips/manifest/", clips.manifest_upload, name="clip_manifest"),
    path("clips/<uuid:clip_id>/", clips.clip_page, name="clip"),
    path("clips/<uuid:clip_id>/poster/", clips.poster, name="clip_poster"),
    path("clips/<uuid:clip_id>/video/", clips.video, name="clip_video"),
    path("clips/<uuid:clip_id>/original/", clips.original, name="clip_original"),
    path("prompts/<int:prompt_id>/first-frame/", clips.first_frame, name="prompt_first_frame"),
    # Prompts
    path("prompts/", prompts.prompt_sets, name="prompt_sets"),
    path("prompts/import/", prompts.prompt_import, name="prompt_import"),
    path("prompts/sets/<slug:slug>/", prompts.prompt_set, name="prompt_set"),
    path("prompts/sets/<slug:slug>/choice/", prompts.prompt_choice, name="prompt_choice"),
    path("prompts/candidates/<int:candidate_id>/", prompts.prompt_decide, name="prompt_decide"),
    # Campaigns
    path("campaigns/", campaigns.campaign_list, name="campaigns"),
    path("campaigns/new/", campaigns.campaign_new, name="campaign_new"),
    path("campaigns/<uuid:campaign_id>/", campaigns.campaign_page, name="campaign"),
    path("campaigns/<uuid:campaign_id>/state/", campaigns.campaign_state, name="campaign_state"),
    path("campaigns/<uuid:campaign_id>/edit/", editing.campaign_edit, name="campaign_edit"),
    path("campaigns/<uuid:campaign_id>/overlap/", editing.campaign_overlap, name="campaign_overlap"),
    path("campaigns/<uuid:campaign_id>/extend/", editing.campaign_extend, name="campaign_extend"),
    path("campaigns/<uuid:campaign_id>/progress/", progress.campaign_progress, name="campaign_progress"),
    # Annotators
    path("people/work-time/", progress.work_time, name="work_time"),
    path("people/groups/", groups.groups, name="groups"),
    path("people/groups/new/", groups.group, name="group_new"),
    path("people/groups/<int:pk>/", groups.group, name="group"),
    path("people/groups/<int:pk>/delete/", groups.group_delete, name="group_delete"),
    # What goes out and comes in: pairs, versions, imports, webhooks, shared prompts
    path("", include("annotation.urls.data")),
    path("", include("annotation.urls.beside")),
    path("", include("annotation.urls.quality")),
    # Labelling
    path("label/", labelling.label_home, name="label_home"),
    path("label/media/<uuid:item_clip_id>/", labelling.label_media, name="label_media"),
    path("label/first-frame/<uuid:assignment_id>/", labelling.label_first_frame, name="label_first_frame"),
    path("label/<uuid:campaign_id>/", labelling.label, name="label"),
]
