"""How a network's layers compute and train: the ``[method]`` table of a recipe. Needs no torch.

| paper | weights | activation_bits |
|---|---|---|
| BinaryConnect (Courbariaux et al. 2015), deterministic | sign | 2..8 |
| BinaryConnect, stochastic | stochastic | 2..8 |
| BNN (Hubara et al. 2016) | sign | 1; norm = "shift" for its shift-based batch norm |
| XNOR-Net (Rastegari et al. 2016) | scaled | 1 |

BinaryConnect's own activations are real; here they have at most 8 bits. BNN and XNOR-Net cut the same chain at
different places: BNN's block is convolution, pool, norm, sign, XNOR-Net's is norm, sign, convolution, pool, and either
way a pool stands on sums, before norm and sign.
"""

from dataclasses import dataclass

WEIGHTS = ("sign", "stochastic", "scaled")
NORMS = ("batch", "shift")
STEPS = ("fixed", "learned")
ENDS = ("binary", "real")


@dataclass(frozen=True, kw_only=True)
class Method:
    """Table ``[method]``.

    Parameters
    ----------
    weights : ``"sign"``, ``"stochastic"`` or ``"scaled"`` (XNOR-Net's alpha; not on a binary last layer, where a factor
        for each class would not be an integer's)
    activation_bits : 1 for sign (bipolar), 2..8 for uniform unsigned activations
    step : of the uniform activations: a ``"fixed"`` power of two, or ``"learned"``
    norm : ``"batch"`` or ``"shift"``
    input_bits : 8 for raw pixels 0..255, 1 for pixels made -1 or +1
    first, last : ``"binary"``, or ``"real"`` weights as the papers of XNOR-Net and others have them; such a network is
        for comparison and cannot become hardware
    """

    weights: str = "sign"
    activation_bits: int = 1
    step: str = "fixed"
    norm: str = "batch"
    input_bits: int = 8
    first: str = "binary"
    last: str = "binary"

    def __post_init__(self):
        for field, known in (
            ("weights", WEIGHTS),
            ("activation_bits", tuple(range(1, 9))),
            ("step", STEPS),
            ("norm", NORMS),
            ("input_bits", (1, 8)),
            ("first", ENDS),
            ("last", ENDS),
        ):
            value = getattr(self, field)
            if isinstance(value, bool) or value not in known:
                raise ValueError(f"{field} is one of {', '.join(map(str, known))}, not {value!r}")
        if self.step == "learned" and self.activation_bits == 1:
            raise ValueError("a sign has no step to learn; set activation_bits to 2..8 or step to fixed")

    @property
    def name(self) -> str:
        """The paper whose method it is, and how it differs, for cards."""
        parts = [{"scaled": "XNOR-Net", "stochastic": "BinaryConnect, stochastic"}.get(self.weights, "BinaryConnect")]
        if self.activation_bits > 1:
            learned = " with learned steps" if self.step == "learned" else ""
            parts.append(f"{self.activation_bits}-bit activations{learned}")
        elif self.weights == "sign":
            parts = ["BNN"]
        return ", ".join([*parts, "shift-based batch norm"] if self.norm == "shift" else parts)
