"""How every form looks: labels above, help below, errors in words beside the field they concern."""

from django.forms.renderers import DjangoTemplates


class Renderer(DjangoTemplates):
    form_template_name = "workbench/forms/form.html"
    field_template_name = "workbench/forms/field.html"
