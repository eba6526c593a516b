"""The firewall before the API: AWS's managed rules, in a stack of its own.

Apart from Core because the emulator of the local stack cannot associate a web ACL.
"""

from __future__ import annotations

from typing import Final

from aws_cdk import Stack
from aws_cdk import aws_wafv2 as wafv2
from constructs import Construct

from infra.api import Api
from infra.config import StageConfig

# Group, and the rules in it that only count, because they would refuse our clients:
# prompts and base64 images are longer than 8 kB, and services call from cloud hosts.
_GROUPS: Final = (
    ("AWSManagedRulesCommonRuleSet", ("SizeRestrictions_BODY",)),
    ("AWSManagedRulesAmazonIpReputationList", ()),
    ("AWSManagedRulesAnonymousIpList", ("HostingProviderIPList",)),
    ("AWSManagedRulesKnownBadInputsRuleSet", ()),
)


class EdgeStack(Stack):
    """Web ACL and its association with the API's stage."""

    def __init__(self, scope: Construct, construct_id: str, *, config: StageConfig, api: Api) -> None:
        super().__init__(
            scope,
            construct_id,
            stack_name=f"{config.prefix}-edge",
            description=f"Presscheck {config.name}: web application firewall",
        )
        acl = wafv2.CfnWebACL(
            self,
            "Firewall",
            scope="REGIONAL",
            default_action=wafv2.CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=_visible("Firewall"),
            rules=[_rule(group, priority, only_count) for priority, (group, only_count) in enumerate(_GROUPS)],
        )
        wafv2.CfnWebACLAssociation(self, "Association", resource_arn=api.stage_arn, web_acl_arn=acl.attr_arn)


def _rule(group: str, priority: int, only_count: tuple[str, ...]) -> wafv2.CfnWebACL.RuleProperty:
    return wafv2.CfnWebACL.RuleProperty(
        name=group,
        priority=priority,
        override_action=wafv2.CfnWebACL.OverrideActionProperty(none={}),
        visibility_config=_visible(group),
        statement=wafv2.CfnWebACL.StatementProperty(
            managed_rule_group_statement=wafv2.CfnWebACL.ManagedRuleGroupStatementProperty(
                vendor_name="AWS",
                name=group,
                rule_action_overrides=[
                    wafv2.CfnWebACL.RuleActionOverrideProperty(
                        name=rule, action_to_use=wafv2.CfnWebACL.RuleActionProperty(count={})
                    )
                    for rule in only_count
                ],
            )
        ),
    )


def _visible(name: str) -> wafv2.CfnWebACL.VisibilityConfigProperty:
    return wafv2.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=True
    )
