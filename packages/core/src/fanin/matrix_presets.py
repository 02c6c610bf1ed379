"""The initializers of whole matrices, as functions: `fanin.orthogonal()`, or by name: `initialization="orthogonal"`."""

from __future__ import annotations

from fanin.matrices import DeltaOrthogonal, Dirac, Identity, Orthogonal, Sparse

__all__ = ["delta_orthogonal", "dirac", "identity", "orthogonal", "sparse"]


def orthogonal(gain: float = 1.0) -> Orthogonal:
    """`gain` times a uniformly (Haar) distributed matrix with orthonormal rows or columns, whichever are fewer.

    W W^T = gain^2 I if there are at most as many out-channels as inputs (in-channels times kernel), else W^T W =
    gain^2 I, so a square dense layer keeps the norm of every signal and of every gradient.

    W is `gain` times Q of the QR decomposition of the tall one of A and A^T, A standard normal, with the sign of each
    column of Q such that R has a positive diagonal: without it Q would not be uniform (Mezzadri 2007, "How to generate
    random matrices from the classical compact groups", section 5). For deep networks: Saxe, McClelland and Ganguli
    2014, "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks".

    The layout is needed, with at least one out- and one in-axis. Each group of a grouped convolution has a matrix of
    its own, (out/groups, in/groups * kernel); torch's `orthogonal_`, which knows no groups, makes one of all, so that a
    depthwise kernel of C channels has filters of norm sqrt(kernel/C) there and 1 here. Each slice of a stack has one
    too. The level is close (specification, section 9): backends agree to a tolerance. A part of a tensor costs as much
    as the whole.

    Args:
        gain: A factor, above 0; sqrt(2) for ReLU.

    Raises:
        FaninValueError: `gain` is not above 0 or not finite.

    Example:
        >>> from fanin.plans import plan
        >>> plan((3, 3, 16, 32), orthogonal(2.0**0.5), layout="HWIO").rule
        Haar(gain=1.4142135623730951, groups=1, rows=32, columns=144, taps=1, tap=0)
    """
    return Orthogonal(gain)


def delta_orthogonal(gain: float = 1.0) -> DeltaOrthogonal:
    """A convolution kernel that is 0 but at its centre tap, which holds an `orthogonal` matrix (out, in).

    It keeps the norm of its input, exactly so with circular padding and stride 1 (Xiao, Bahri, Sohl-Dickstein,
    Schoenholz and Pennington 2018, "Dynamical isometry and a mean field theory of CNNs", algorithm 2), and needs at
    least as many out- as in-channels. The matrix is that of `orthogonal` for a dense layer (out, in) of the same name.
    Groups, stacks, level and parts are as in `orthogonal`.

    The centre is index k // 2 along each spatial axis, the middle of an odd kernel. For an even kernel JAX's
    `delta_orthogonal` has (k - 1) // 2, which differs by one.

    Args:
        gain: A factor, above 0.

    Raises:
        FaninValueError: `gain` is not above 0 or not finite.

    Example:
        >>> from fanin.plans import plan
        >>> plan((3, 3, 16, 32), "delta_orthogonal", layout="HWIO").rule
        Haar(gain=1.0, groups=1, rows=32, columns=16, taps=9, tap=4)
    """
    return DeltaOrthogonal(gain)


def identity(gain: float = 1.0) -> Identity:
    """`gain` times the identity: output i is `gain` times input i, for as many as both have; a matrix, any two sizes.

    Le, Jaitly and Hinton 2015, "A simple way to initialize recurrent networks of rectified linear units", for the
    recurrent weights. torch's `eye_` and Keras's `Identity` on two axes; `dirac` is the convolution's.

    Args:
        gain: The value on the diagonal, above 0.

    Raises:
        FaninValueError: `gain` is not above 0 or not finite.

    Example:
        >>> from fanin.plans import plan
        >>> plan((5, 3), "identity", layout="OI").rule
        Diagonal(value=1.0, rows=5, columns=3, taps=1, tap=0)
    """
    return Identity(gain)


def dirac(gain: float = 1.0) -> Dirac:
    """A convolution kernel that passes its channels on: out-channel d of each group is `gain` times its in-channel d.

    The weights are 0 but at the centre tap, where row d of each group has `gain` in column d; out-channels beyond the
    in-channels stay 0 (Zagoruyko and Komodakis 2017, "DiracNets", section 3.1; torch's `dirac_` with its groups).

    The centre is index k // 2 along each spatial axis, as in torch. So a convolution with a padding of k // 2 before
    the signal returns it: torch's padding=k // 2. For an even kernel, "same" padding has (k - 1) // 2 before it, and
    the output is the input moved by one.

    Args:
        gain: The value at the centre, above 0.

    Raises:
        FaninValueError: `gain` is not above 0 or not finite.

    Example:
        >>> from fanin.plans import plan
        >>> plan((8, 2, 4), "dirac", layout="OIW", groups=4).rule
        Diagonal(value=1.0, rows=2, columns=2, taps=4, tap=2)
    """
    return Dirac(gain)


def sparse(sparsity: float, std: float = 0.01) -> Sparse:
    """N(0, std^2), but ceil(sparsity * out) weights of every input, at random places, are exactly 0.

    As torch's `sparse_`: each column of the matrix (out, in) has the same number of zeros, so some of its rows may have
    none. (Martens 2010, "Deep learning via Hessian-free optimization", section 5, fixes it for each unit's incoming
    weights, which are the rows.) The product is of doubles: 0.07 * 100 is 7.000000000000001, and gives 8 zeros.

    The places come from a further stream of the parameter, so the other weights are those of `normal(std=std)`.

    Args:
        sparsity: The share of zeros, in [0, 1].
        std: Standard deviation of the other weights, above 0.

    Raises:
        FaninValueError: `sparsity` is not in [0, 1], or `std` not above 0.

    Example:
        >>> from fanin.plans import plan
        >>> rule = plan((64, 256), sparse(0.9), layout="OI").rule
        >>> rule.zeros, rule.draw == plan((64, 256), "normal", layout="OI").rule
        (58, True)
    """
    return Sparse(sparsity, std)
