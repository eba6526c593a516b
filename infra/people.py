"""People who sign in: a Cognito user pool whose groups are our scopes and whose members belong to a tenant.

Hides passwords, second factors and token lifetimes. Nobody signs themselves up and nobody changes their own tenant: the
attribute is written once, by whoever creates them.
"""

from __future__ import annotations

from typing import Final

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_cognito as cognito
from constructs import Construct

from infra.config import StageConfig
from infra.nag import accept

_GROUPS: Final = {
    "render": "Submit, cancel and upload",
    "approve": "Decide on drafts and rate",
    "audit": "Read audit chains",
    "admin": "Everything, and keys",
}


class People(Construct):
    """The pool, its client for browsers, and one group for each scope."""

    def __init__(self, scope: Construct, construct_id: str, *, config: StageConfig) -> None:
        super().__init__(scope, construct_id)
        self.pool = self._pool(config)
        self.client = self._client(config)

    def _pool(self, config: StageConfig) -> cognito.UserPool:
        pool = cognito.UserPool(
            self,
            "Pool",
            user_pool_name=config.prefix,
            self_sign_up_enabled=False,
            sign_in_aliases=cognito.SignInAliases(email=True),
            standard_attributes=cognito.StandardAttributes(email=cognito.StandardAttribute(required=True)),
            custom_attributes={"tenant": cognito.StringAttribute(min_len=1, max_len=64, mutable=False)},
            password_policy=cognito.PasswordPolicy(
                min_length=12, require_lowercase=True, require_uppercase=True, require_digits=True, require_symbols=True
            ),
            mfa=cognito.Mfa.REQUIRED,
            mfa_second_factor=cognito.MfaSecondFactor(otp=True, sms=False),
            account_recovery=cognito.AccountRecovery.EMAIL_ONLY,
            deletion_protection=config.retain_data,
            removal_policy=RemovalPolicy.RETAIN if config.retain_data else RemovalPolicy.DESTROY,
        )
        accept(
            pool,
            "AwsSolutions-COG3",
            "Threat protection is a paid plan of the pool's; second factors are demanded and nobody signs up.",
        )
        accept(pool, "AwsSolutions-COG8", "The plan that adds threat protection is the account owner's choice.")
        for name, description in _GROUPS.items():
            pool.add_group(name.capitalize(), group_name=name, description=description)
        pool.add_domain("Domain", cognito_domain=cognito.CognitoDomainOptions(domain_prefix=config.prefix))
        return pool

    def _client(self, config: StageConfig) -> cognito.UserPoolClient:
        urls = list(config.sign_in_urls)
        pages = cognito.OAuthSettings(
            flows=cognito.OAuthFlows(authorization_code_grant=True),
            scopes=[cognito.OAuthScope.OPENID, cognito.OAuthScope.EMAIL],
            callback_urls=urls,
            logout_urls=urls,
        )
        readable = cognito.ClientAttributes().with_standard_attributes(email=True)
        return self.pool.add_client(
            "Browser",
            generate_secret=False,
            prevent_user_existence_errors=True,
            auth_flows=cognito.AuthFlow(user_srp=True),
            o_auth=pages if urls else None,
            disable_o_auth=not urls,
            read_attributes=readable.with_custom_attributes("tenant"),
            # Not the tenant: by default a client may write every attribute, and people would choose their own.
            write_attributes=readable,
            id_token_validity=Duration.hours(1),
            access_token_validity=Duration.hours(1),
            refresh_token_validity=Duration.days(1),
            enable_token_revocation=True,
        )
