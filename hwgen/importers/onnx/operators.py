"""Every operator that an image or an activation may pass through: name to function of (walk, node)."""

from . import elementwise, linear, pools, quantizers, shapes

OPERATORS = {
    **elementwise.OPERATORS,
    **quantizers.OPERATORS,
    **linear.OPERATORS,
    **pools.OPERATORS,
    **shapes.OPERATORS,
}
