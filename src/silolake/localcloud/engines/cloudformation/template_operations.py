"""Operations that read templates: ``GetTemplate``, ``ValidateTemplate``, ``GetTemplateSummary``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from silolake.localcloud.call import Access, Call
from silolake.localcloud.engines.cloudformation.plays import PLAYS
from silolake.localcloud.engines.cloudformation.sources import checked_template, needed_capability, template_text
from silolake.localcloud.engines.cloudformation.stack_sets import access as stack_set_access
from silolake.localcloud.engines.cloudformation.stack_sets.records import named_set
from silolake.localcloud.engines.cloudformation.stacks import access
from silolake.localcloud.engines.cloudformation.stacks.change_sets import find_change_set
from silolake.localcloud.engines.cloudformation.stacks.reading import any_stack
from silolake.localcloud.engines.cloudformation.templates import Template
from silolake.localcloud.engines.cloudformation.templates.parameters import Parameter


@PLAYS("GetTemplate", access=access.on_stack)
def get_template(call: Call) -> dict[str, Any]:
    """GetTemplate: the text as it was given. Reads only."""
    if call.parameters.get("ChangeSetName"):
        body = find_change_set(call).wanted.template
    else:
        body = any_stack(call, str(call.parameters["StackName"])).wanted.template
    return {"TemplateBody": body, "StagesAvailable": ["Original", "Processed"]}


@PLAYS("ValidateTemplate", access=access.account_wide)
def validate_template(call: Call) -> dict[str, Any]:
    """ValidateTemplate. Reads only."""
    template = checked_template(template_text(call))
    return {"Parameters": [_parameter(each) for each in template.parameters.values()], **_about(template)}


def _summary_access(call: Call) -> Sequence[Access]:
    return stack_set_access.on_set(call) if call.parameters.get("StackSetName") else access.on_stack(call)


@PLAYS("GetTemplateSummary", access=_summary_access)
def get_template_summary(call: Call) -> dict[str, Any]:
    """GetTemplateSummary. Reads only."""
    given = call.parameters
    if given.get("StackName"):
        text = any_stack(call, str(given["StackName"])).wanted.template
    elif given.get("StackSetName"):
        text = named_set(call).template
    else:
        text = template_text(call)
    template = checked_template(text)
    types = sorted({each.type for each in template.resources.values()})
    parameters = []
    for each in template.parameters.values():
        constraints = {"AllowedValues": list(each.allowed_values)} if each.allowed_values else {}
        parameters.append({**_parameter(each), "ParameterType": each.type, "ParameterConstraints": constraints})
    metadata = {"Metadata": json.dumps(template.metadata)} if template.metadata is not None else {}
    return {
        "Parameters": parameters,
        "ResourceTypes": types,
        "Version": "2010-09-09",
        **_about(template),
        **metadata,
    }


def _parameter(parameter: Parameter) -> dict[str, Any]:
    found: dict[str, Any] = {"ParameterKey": parameter.name, "NoEcho": parameter.no_echo}
    if parameter.default is not None:
        found["DefaultValue"] = parameter.default
    if parameter.description:
        found["Description"] = parameter.description
    return found


def _about(template: Template) -> dict[str, Any]:
    found: dict[str, Any] = {"Description": template.description} if template.description else {}
    capability, types = needed_capability(template)
    if capability:
        found["Capabilities"] = [capability]
        found["CapabilitiesReason"] = f"The following resource(s) require capabilities: [{', '.join(types)}]"
    return found
