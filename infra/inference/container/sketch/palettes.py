"""Colours: named palettes, written by hand, one mood each.

Hides the numbers. Never chooses: see composition.compose.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .canvas import Colour, mix


@dataclass(frozen=True)
class Palette:
    """`sky` runs from the zenith to the horizon, `light` from a sun's top to its foot; 0..255."""

    name: str
    sky: tuple[Colour, Colour, Colour, Colour]
    light: tuple[Colour, Colour]
    far: Colour
    near: Colour
    accent: Colour
    paper: Colour
    ink: Colour

    @property
    def dark(self) -> bool:
        """True where the zenith is a night sky."""
        return sum(self.sky[0]) < 250  # noqa: PLR2004 - a third of white

    def tinted(self, share: float) -> Palette:
        """The same mood, nudged towards its light (share above 0) or its shade (below)."""
        towards = self.light[0] if share > 0 else self.near
        first, second, third, fourth = (mix(colour, towards, abs(share)) for colour in self.sky)
        far = mix(self.far, towards, abs(share))
        return Palette(
            self.name, (first, second, third, fourth), self.light, far, self.near, self.accent, self.paper, self.ink
        )


def _hex(code: str) -> Colour:
    return (float(int(code[:2], 16)), float(int(code[2:4], 16)), float(int(code[4:], 16)))


def _palette(name: str, codes: str) -> Palette:
    c = [_hex(code) for code in codes.split()]
    return Palette(name, (c[0], c[1], c[2], c[3]), (c[4], c[5]), c[6], c[7], c[8], c[9], c[10])


#                sky: zenith … horizon         light         far    near   accent paper  ink
_TABLE: Final = {
    "sunset": "2b1b4d 8a2f6b f0635a ffc27a fff1c9 ff9d4d b5496e 2a1440 ffd166 fff6e6 2a1440",
    "summer": "0757a8 1787d4 6cc8ec fdeec4 fff9d8 ffc52e 4fc3cf 0a4a80 ff6b4a ffffff 052c52",
    "ocean": "0c2c54 1f5f94 63aacb d9eff0 fffdf0 ffe3a0 5d9fbd 06243f ffc857 f6fcff 06243f",
    "dawn": "8fa5d6 c9b3dc f6c1c7 ffe3c9 fff7ea ffc9a0 b79cc4 3f3f72 ff7f7f fffaf5 2b2a52",
    "forest": "8fc0b2 bcd8bd e5eac6 faf3d4 fffbe3 ffe39a 8ab39a 0e342b e9a23b fbfaee 0c2922",
    "autumn": "d9853f f0b566 f8d79b fcefd0 fff6dc ffb64f c97d48 451a17 c2371f fff7ea 35120f",
    "winter": "4f7fb4 8fb4d6 cbe0ee f6f4f2 ffffff fde3cf 9dbbd4 1b385a e4572e ffffff 132a47",
    "night": "060b24 111d4a 27407f 6a80b8 fdf8e2 d9dcf2 2c4180 050a1e ffcf5a f5f7ff 050a1e",
    "neon": "0b0420 2a0a52 7a1583 ff4f93 ffe45c ff3d8b 55158a 090316 19e3ff fdf3ff 0b0420",
    "retro": "1d5c63 4f9a8f f2d7a0 f6a95b ffe9b5 f0652f d4743c 3a1f2b e4472b fff3d9 2b1a22",
    "coffee": "dcc3a8 e8d3bd f1e4d6 f8f0e6 fffaf2 e4b98f bf9269 3b2216 b5562b fffaf3 2f1b0e",
    "minimal": "e3dfd6 ebe8e1 f3f1ec fbf9f5 ffffff f0c9ac cbc4b6 2d3436 e2583e ffffff 1f2527",
    "space": "05060f 0b1030 1c1c54 47307f fff3d6 ffb38a 4b3a94 070716 6ff0e0 f7f5ff 070716",
    "desert": "4fa8c4 a3d3ce f6e2b3 fbc183 fff4d6 ffa64a e0985f 6b2820 d8442a fff8e8 42160f",
    "spring": "5fbbe6 a3dcee def3e4 fdf8df ffffff ffdf70 96cf99 226a44 ff7aa2 ffffff 0f3d26",
    "luxe": "0f1a1c 1b2d2e 2f4a47 6a8476 f6e3b4 d4a24c 35544f 0a1213 d4a24c fbf5e6 0a1213",
    "berry": "2d0b3a 6d1758 c9376f ff9d8c fff0dc ff7e6b 8f2463 220629 ffd45e fff5f3 220629",
    "candy": "ff8fa3 ffb3a7 ffd6b0 fff0cf ffffff ffdf4d ff8f6c 6d2780 2fb9b4 fffdf6 43154f",
}
PALETTES: Final = {name: _palette(name, codes) for name, codes in _TABLE.items()}
