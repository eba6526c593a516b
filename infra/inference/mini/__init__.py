"""How mini was made: its posters, network, training, distillation, judge and export. See __main__.

Needs torch; what serves the result, infra.inference.container.mini, does not.
"""
