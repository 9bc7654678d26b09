"""CloudFormation templates: read, checked, ordered and evaluated; pure.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-anatomy.html
"""

from silolake.localcloud.engines.cloudformation.templates.template import Declared, Output, Template, read_template

__all__ = ["Declared", "Output", "Template", "read_template"]
