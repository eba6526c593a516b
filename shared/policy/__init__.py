"""The policy: which model paints a job, from which recipe, and what follows from what was seen.

Hides every choice between a request and a recipe. Pure: never looks at a clock, a store or the network.
"""

from shared.policy.lineup import Lineup, Pick, picks
from shared.policy.planning import Plan, candidate_seed, plan, rehearse, spell_out
from shared.policy.policies import POLICY_FOLDER, Policies, lock_policy
from shared.policy.repair import best_attempt, repair_seed
from shared.policy.rulebook import Policy

__all__ = [
    "POLICY_FOLDER",
    "Lineup",
    "Pick",
    "Plan",
    "Policies",
    "Policy",
    "best_attempt",
    "candidate_seed",
    "lock_policy",
    "picks",
    "plan",
    "rehearse",
    "repair_seed",
    "spell_out",
]
