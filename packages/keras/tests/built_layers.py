"""Every layer of Keras that has weights, built on a small input, with what its own initializers draw from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import keras
from keras import layers

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Case:
    """A layer.

    Attributes:
        make: Makes it.
        inputs: The shape of its input without the batch, or of each of several.
        laws: For each variable and part its layout and its law, as a scheme prints them.
        is_called_apart: Whether several inputs are separate arguments.
    """

    make: Callable[[], Any]
    inputs: Shape | tuple[Shape, ...]
    laws: dict[str, str]
    is_called_apart: bool = False

    def build(self) -> Any:
        layer = self.make()
        if self.inputs and isinstance(self.inputs[0], tuple):
            tensors = [keras.Input(shape) for shape in self.inputs]
            layer(*tensors) if self.is_called_apart else layer(tensors)
        else:
            layer(keras.Input(self.inputs))
        return layer


ZEROS, ONES = "every weight is 0", "every weight is 1"
ORTHOGONAL = "Q, Q orthogonal, one matrix of"
ADAPTED, STFT = "set by adapt(), from data", "computed without random numbers: STFT"

CASES: Final[dict[str, Case]] = {
    # glorot_uniform: sqrt(6 / (fan_in + fan_out)), fans as Keras counts them
    "Dense": Case(lambda: layers.Dense(64), (30,), {"kernel": "IO U(-0.252646, 0.252646)", "bias": f"O {ZEROS}"}),
    "EinsumDense": Case(
        lambda: layers.EinsumDense("abc,cde->abde", (None, 6, 10), bias_axes="de"),
        (5, 40),
        {"kernel": "IOO U(-0.244949, 0.244949)", "bias": ZEROS},
    ),
    "EinsumDense, a batch": Case(  # sqrt(6 / (40 + 5 * 10)): Keras counts the batch of matrices as out
        lambda: layers.EinsumDense("abc,bcd->abd", (5, 10)), (5, 40), {"kernel": "U(-0.258199, 0.258199)"}
    ),
    "Embedding": Case(lambda: layers.Embedding(100, 30), (5,), {"embeddings": "U(-0.05, 0.05)"}),
    "ReversibleEmbedding": Case(
        lambda: layers.ReversibleEmbedding(100, 30, tie_weights=False),
        (5,),
        {"embeddings": "U(-0.05, 0.05)", "reverse_embeddings": "U(-0.05, 0.05)"},
    ),
    "Conv1D": Case(
        lambda: layers.Conv1D(60, 5, groups=2),
        (9, 20),
        {"kernel": "WIO, 2 groups U(-0.130931, 0.130931)", "bias": f"O {ZEROS}"},
    ),
    "Conv2D": Case(
        lambda: layers.Conv2D(40, (3, 5), groups=2),
        (9, 9, 8),
        {"kernel": "HWIO, 2 groups U(-0.0953463, 0.0953463)", "bias": f"O {ZEROS}"},
    ),
    "Conv3D": Case(
        lambda: layers.Conv3D(20, (2, 3, 4)),
        (5, 5, 5, 6),
        {"kernel": "DHWIO U(-0.0980581, 0.0980581)", "bias": f"O {ZEROS}"},
    ),
    "Conv1DTranspose": Case(
        lambda: layers.Conv1DTranspose(60, 5, strides=2),
        (9, 20),
        {"kernel": "WOI, transposed, stride 2 U(-0.122474, 0.122474)", "bias": f"O {ZEROS}"},
    ),
    "Conv2DTranspose": Case(  # he_normal: sqrt(2 / (15 * 40)), the out-channels taken for in-channels; / 0.8796
        lambda: layers.Conv2DTranspose(40, (3, 5), strides=(2, 3), kernel_initializer="he_normal"),
        (9, 9, 8),
        {
            "kernel": "HWOI, transposed, stride 2 x 3 N(0, 0.0656359^2) truncated to [-0.131272, 0.131272]",
            "bias": f"O {ZEROS}",
        },
    ),
    "Conv3DTranspose": Case(
        lambda: layers.Conv3DTranspose(20, (2, 3, 4), kernel_initializer="orthogonal"),
        (5, 5, 5, 6),
        {"kernel": f"IIIIO {ORTHOGONAL} 6 x 480", "bias": f"O {ZEROS}"},
    ),
    "DepthwiseConv1D": Case(
        lambda: layers.DepthwiseConv1D(5, depth_multiplier=3),
        (9, 200),
        {"kernel": "WOO, 200 groups U(-0.0768852, 0.0768852)", "bias": f"O {ZEROS}"},
    ),
    "DepthwiseConv2D": Case(
        lambda: layers.DepthwiseConv2D((3, 5), depth_multiplier=2),
        (9, 9, 70),
        {"kernel": "HWOO, 70 groups U(-0.0745356, 0.0745356)", "bias": f"O {ZEROS}"},
    ),
    "SeparableConv1D": Case(
        lambda: layers.SeparableConv1D(20, 5, depth_multiplier=3, pointwise_initializer="random_normal"),
        (9, 200),
        {
            "depthwise_kernel": "WOO, 200 groups U(-0.0768852, 0.0768852)",
            "pointwise_kernel": "WIO N(0, 0.05^2)",
            "bias": f"O {ZEROS}",
        },
    ),
    "SeparableConv2D": Case(
        lambda: layers.SeparableConv2D(20, (3, 5), depth_multiplier=2),
        (9, 9, 70),
        {
            "depthwise_kernel": "HWOO, 70 groups U(-0.0745356, 0.0745356)",
            "pointwise_kernel": "HWIO U(-0.193649, 0.193649)",
            "bias": f"O {ZEROS}",
        },
    ),
    "BatchNormalization": Case(
        lambda: layers.BatchNormalization(renorm=True, moving_variance_initializer=keras.initializers.Constant(4.0)),
        (9, 20),
        {
            "gamma": ONES,
            "beta": ZEROS,
            "moving_mean": ZEROS,
            "moving_variance": "every weight is 4",
            "moving_stddev": "every weight is 2",
            "renorm_mean": ZEROS,
            "renorm_stddev": "every weight is 2",
        },
    ),
    "GroupNormalization": Case(lambda: layers.GroupNormalization(5), (9, 20), {"gamma": ONES, "beta": ZEROS}),
    "LayerNormalization": Case(lambda: layers.LayerNormalization(), (9, 20), {"gamma": ONES, "beta": ZEROS}),
    "RMSNormalization": Case(lambda: layers.RMSNormalization(), (9, 20), {"scale": ONES}),
    "SpectralNormalization": Case(
        lambda: layers.SpectralNormalization(layers.Dense(600)),
        (20,),
        {
            "vector_u": "N(0, 0.02^2) truncated to [-0.04, 0.04]",
            "dense/kernel": "IO U(-0.0983739, 0.0983739)",
            "dense/bias": f"O {ZEROS}",
        },
    ),
    "Normalization": Case(
        lambda: layers.Normalization(), (20,), {"mean": ADAPTED, "variance": ADAPTED, "count": ADAPTED}
    ),
    "PReLU": Case(
        lambda: layers.PReLU(keras.initializers.Constant(0.25), shared_axes=[1]),
        (9, 20),
        {"alpha": "every weight is 0.25"},
    ),
    "SimpleRNN": Case(
        lambda: layers.SimpleRNN(50),
        (9, 20),
        {
            "simple_rnn_cell/kernel": "IO U(-0.29277, 0.29277)",
            "simple_rnn_cell/recurrent_kernel": f"IO {ORTHOGONAL} 50 x 50",
            "simple_rnn_cell/bias": ZEROS,
        },
    ),
    "LSTM": Case(
        lambda: layers.LSTM(30),
        (9, 20),
        {
            "lstm_cell/kernel": "IO U(-0.20702, 0.20702)",
            "lstm_cell/recurrent_kernel": f"IO {ORTHOGONAL} 120 x 30",
            "lstm_cell/bias": ZEROS,
            "lstm_cell/bias[30:60]": ONES,
        },
    ),
    "GRU": Case(
        lambda: layers.GRU(30, recurrent_initializer="lecun_uniform"),
        (9, 20),
        {
            "gru_cell/kernel": "IO U(-0.23355, 0.23355)",
            "gru_cell/recurrent_kernel": "IO U(-0.316228, 0.316228)",
            "gru_cell/bias": ZEROS,
        },
    ),
    "RNN": Case(
        lambda: layers.RNN(
            [
                layers.GRUCell(30, reset_after=False),
                layers.LSTMCell(20, bias_initializer=keras.initializers.RandomNormal(1.0, 0.5)),
                layers.SimpleRNNCell(40, recurrent_initializer=keras.initializers.Identity(0.5)),
            ]
        ),
        (9, 20),
        {
            "stacked_rnn_cells/gru_cell/kernel": "IO U(-0.23355, 0.23355)",
            "stacked_rnn_cells/gru_cell/recurrent_kernel": f"IO {ORTHOGONAL} 90 x 30",
            "stacked_rnn_cells/gru_cell/bias": ZEROS,
            "stacked_rnn_cells/lstm_cell/kernel": "IO U(-0.23355, 0.23355)",
            "stacked_rnn_cells/lstm_cell/recurrent_kernel": f"IO {ORTHOGONAL} 80 x 20",
            "stacked_rnn_cells/lstm_cell/bias": "3 parts",
            "stacked_rnn_cells/lstm_cell/bias[0:20]": "N(1, 0.5^2)",
            "stacked_rnn_cells/lstm_cell/bias[20:40]": ONES,
            "stacked_rnn_cells/lstm_cell/bias[40:80]": "N(1, 0.5^2)",
            "stacked_rnn_cells/simple_rnn_cell/kernel": "IO U(-0.316228, 0.316228)",
            "stacked_rnn_cells/simple_rnn_cell/recurrent_kernel": "IO 0.5 on the diagonal, 40 x 40",
            "stacked_rnn_cells/simple_rnn_cell/bias": ZEROS,
        },
    ),
    "ConvLSTM1D": Case(
        lambda: layers.ConvLSTM1D(10, 5),
        (3, 9, 20),
        {
            "conv_lstm_cell/kernel": "WIO U(-0.141421, 0.141421)",
            "conv_lstm_cell/recurrent_kernel": f"WIO {ORTHOGONAL} 40 x 50",
            "conv_lstm_cell/bias": ZEROS,
            "conv_lstm_cell/bias[10:20]": ONES,
        },
    ),
    "ConvLSTM2D": Case(
        lambda: layers.ConvLSTM2D(10, (3, 2), unit_forget_bias=False),
        (3, 9, 9, 20),
        {
            "conv_lstm_cell/kernel": "HWIO U(-0.129099, 0.129099)",
            "conv_lstm_cell/recurrent_kernel": f"HWIO {ORTHOGONAL} 40 x 60",
            "conv_lstm_cell/bias": ZEROS,
        },
    ),
    "ConvLSTM3D": Case(
        lambda: layers.ConvLSTM3D(10, (3, 2, 1), use_bias=False),
        (3, 9, 9, 9, 5),
        {
            "conv_lstm_cell/kernel": "DHWIO U(-0.149071, 0.149071)",
            "conv_lstm_cell/recurrent_kernel": f"DHWIO {ORTHOGONAL} 40 x 60",
        },
    ),
    "Bidirectional": Case(
        lambda: layers.Bidirectional(layers.SimpleRNN(30)),
        (9, 20),
        {
            "forward_simple_rnn/simple_rnn_cell/kernel": "IO U(-0.34641, 0.34641)",
            "forward_simple_rnn/simple_rnn_cell/recurrent_kernel": f"IO {ORTHOGONAL} 30 x 30",
            "forward_simple_rnn/simple_rnn_cell/bias": ZEROS,
            "backward_simple_rnn/simple_rnn_cell/kernel": "IO U(-0.34641, 0.34641)",
            "backward_simple_rnn/simple_rnn_cell/recurrent_kernel": f"IO {ORTHOGONAL} 30 x 30",
            "backward_simple_rnn/simple_rnn_cell/bias": ZEROS,
        },
    ),
    "TimeDistributed": Case(
        lambda: layers.TimeDistributed(layers.Dense(64)),
        (9, 30),
        {"dense/kernel": "IO U(-0.252646, 0.252646)", "dense/bias": f"O {ZEROS}"},
    ),
    "STFTSpectrogram": Case(lambda: layers.STFTSpectrogram(), (1600, 1), {"real_kernel": STFT, "imag_kernel": STFT}),
    "Attention": Case(
        lambda: layers.Attention(use_scale=True, score_mode="concat"),
        ((4, 8), (5, 8)),
        {"scale": ONES, "concat_score_weight": ONES},
    ),
    "AdditiveAttention": Case(  # both fans are the size: sqrt(3 / 3000)
        lambda: layers.AdditiveAttention(), ((4, 3000), (5, 3000)), {"scale": "U(-0.0316228, 0.0316228)"}
    ),
    "MultiHeadAttention": Case(
        lambda: layers.MultiHeadAttention(4, 10, value_dim=12),
        ((4, 40), (5, 40)),
        {
            "query/kernel": "IOO U(-0.273861, 0.273861)",
            "query/bias": ZEROS,
            "key/kernel": "IOO U(-0.273861, 0.273861)",
            "key/bias": ZEROS,
            "value/kernel": "IOO U(-0.261116, 0.261116)",
            "value/bias": ZEROS,
            "attention_output/kernel": "IIO U(-0.261116, 0.261116)",
            "attention_output/bias": f"{ZEROS}",
        },
        is_called_apart=True,
    ),
    "GroupQueryAttention": Case(
        lambda: layers.GroupQueryAttention(20, 4, 2, kernel_initializer="orthogonal", use_bias=False),
        ((4, 40), (5, 40)),
        {
            "query/kernel": f"IIO {ORTHOGONAL} 20 x 160",
            "key/kernel": f"IIO {ORTHOGONAL} 20 x 80",
            "value/kernel": f"IIO {ORTHOGONAL} 20 x 80",
            "attention_output/kernel": f"IIO {ORTHOGONAL} 40 x 80",
        },
        is_called_apart=True,
    ),
}

CELLS: Final = {"GRUCell": "RNN", "LSTMCell": "RNN", "SimpleRNNCell": "RNN", "StackedRNNCells": "RNN"}
"""Layers that another case has in it."""

OTHERS_CODE: Final = {"FlaxLayer", "JaxLayer", "TFSMLayer", "TorchModuleWrapper"}
"""Layers whose weights another library makes."""
