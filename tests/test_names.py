"""The names that programs for small networks use are there; functions are in the table that compares them."""

from __future__ import annotations

import pytest
import torch

import autodiff
import nn

from .table import Row, subjects

FUNCTIONS = """
add sub mul div pow fmod remainder floor_divide neg abs sign exp exp2 expm1 log log2 log10 log1p sqrt rsqrt
square reciprocal sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh erf erfc erfinv sigmoid
logit lerp addcmul addcdiv clamp clip maximum minimum fmax fmin where floor ceil round trunc frac nan_to_num
hypot logaddexp xlogy sinc heaviside eq ne lt le gt ge logical_and logical_or logical_xor logical_not isnan
isinf isfinite isclose sum mean prod std var std_mean var_mean amax amin aminmax max min argmax argmin any
all norm logsumexp cumsum cumprod cummax median nansum nanmean count_nonzero sort argsort topk unique
reshape flatten unflatten squeeze unsqueeze transpose permute movedim swapaxes t broadcast_to
broadcast_tensors tile repeat_interleave flip roll rot90 cat stack hstack vstack split chunk unbind
tensor_split narrow select diag diagonal diag_embed tril triu meshgrid atleast_1d atleast_2d atleast_3d
gather scatter scatter_add index_select index_add index_fill masked_fill masked_select take take_along_dim
nonzero searchsorted bucketize bincount histogram matmul mm bmm mv dot outer inner einsum addmm addmv
baddbmm tensordot trace kron cross cdist linalg.norm linalg.vector_norm linalg.matrix_norm linalg.inv
linalg.solve linalg.det linalg.slogdet linalg.cholesky linalg.qr linalg.svd linalg.eigh linalg.pinv
linalg.lstsq linalg.matrix_power linalg.multi_dot
""".split()
NEURAL = """
linear conv1d conv2d conv_transpose1d conv_transpose2d max_pool1d max_pool2d avg_pool1d avg_pool2d
adaptive_avg_pool1d adaptive_avg_pool2d unfold fold batch_norm layer_norm group_norm instance_norm rms_norm
embedding one_hot pad relu relu6 leaky_relu prelu elu selu celu gelu silu mish softplus softsign softshrink
hardshrink tanhshrink hardtanh hardsigmoid hardswish threshold glu logsigmoid softmax softmin log_softmax
normalize cosine_similarity pairwise_distance scaled_dot_product_attention interpolate pixel_shuffle
mse_loss l1_loss smooth_l1_loss huber_loss binary_cross_entropy binary_cross_entropy_with_logits nll_loss
cross_entropy kl_div poisson_nll_loss gaussian_nll_loss hinge_embedding_loss margin_ranking_loss
triplet_margin_loss cosine_embedding_loss soft_margin_loss multi_margin_loss multilabel_margin_loss
multilabel_soft_margin_loss
""".split()
# compared draw by draw in their own tests
RANDOM = "dropout dropout1d dropout2d alpha_dropout gumbel_softmax".split()
UNTABLED = "allclose equal".split()  # they answer True or False
METHODS = """
view view_as expand expand_as repeat type float double long int bool new_zeros new_ones new_full new_tensor
new_empty item tolist numpy detach clone backward requires_grad_ register_hook retain_grad put_ unfold
contiguous size dim numel element_size stride is_contiguous cpu to add_ sub_ mul_ div_ zero_ fill_ copy_
clamp_ masked_fill_ scatter_ scatter_add_ index_add_ index_fill_ index_copy_ uniform_ normal_
""".split()
LAYERS = """
Linear Bilinear Conv1d Conv2d ConvTranspose1d ConvTranspose2d MaxPool1d MaxPool2d AvgPool1d AvgPool2d
AdaptiveAvgPool1d AdaptiveAvgPool2d Unfold Fold BatchNorm1d BatchNorm2d LayerNorm GroupNorm InstanceNorm1d
InstanceNorm2d RMSNorm Dropout Dropout1d Dropout2d AlphaDropout Embedding ReLU ReLU6 LeakyReLU PReLU ELU
SELU CELU GELU SiLU Mish Softplus Softsign Softshrink Hardshrink Tanhshrink Hardtanh Hardsigmoid Hardswish
Threshold GLU LogSigmoid Softmax Softmin LogSoftmax CosineSimilarity PairwiseDistance PixelShuffle Upsample
Unflatten Flatten Identity Sigmoid Tanh Sequential ModuleList ModuleDict ParameterList ParameterDict RNN
LSTM GRU RNNCell LSTMCell GRUCell MultiheadAttention TransformerEncoderLayer TransformerEncoder MSELoss
L1Loss SmoothL1Loss HuberLoss BCELoss BCEWithLogitsLoss NLLLoss CrossEntropyLoss KLDivLoss PoissonNLLLoss
GaussianNLLLoss HingeEmbeddingLoss MarginRankingLoss TripletMarginLoss CosineEmbeddingLoss SoftMarginLoss
MultiMarginLoss MultiLabelMarginLoss MultiLabelSoftMarginLoss
""".split()
OPTIMIZERS = "SGD Adam AdamW RMSprop Adagrad Adadelta Adamax NAdam RAdam Rprop ASGD LBFGS".split()
SCHEDULERS = """
StepLR MultiStepLR ConstantLR LinearLR ExponentialLR PolynomialLR CosineAnnealingLR
CosineAnnealingWarmRestarts OneCycleLR CyclicLR LambdaLR MultiplicativeLR ReduceLROnPlateau SequentialLR
ChainedScheduler
""".split()
FUNC = "grad vjp jvp jacrev jacfwd hessian vmap functional_call".split()
DATA = """
Dataset TensorDataset Subset random_split DataLoader RandomSampler SequentialSampler BatchSampler
""".split()
UTILS = "clip_grad_norm_ clip_grad_value_ parameters_to_vector vector_to_parameters weight_norm".split()

PLACES = [
    (FUNCTIONS + UNTABLED, autodiff, torch),
    (NEURAL + RANDOM, nn.functional, torch.nn.functional),
    (METHODS, autodiff.Tensor, torch.Tensor),
    (LAYERS, nn, torch.nn),
    (OPTIMIZERS, nn.optim, torch.optim),
    (SCHEDULERS, nn.optim.lr_scheduler, torch.optim.lr_scheduler),
    (FUNC, autodiff.func, torch.func),
    (DATA, nn.data, torch.utils.data),
    (UTILS, nn.utils, torch.nn.utils),
]
TABLED = {row.name for subject in subjects() for row in getattr(subject, "ROWS", ()) if isinstance(row, Row)}


def found(place: object, name: str) -> bool:
    for part in name.split("."):
        if not hasattr(place, part):
            return False
        place = getattr(place, part)
    return True


@pytest.mark.parametrize("names, ours, theirs", PLACES, ids=lambda place: getattr(place, "__name__", None))
def test_every_name_is_there(names, ours, theirs):
    assert [name for name in names if not found(theirs, name)] == []
    assert [name for name in names if not found(ours, name)] == []


def test_every_method_of_these_functions_is_there():
    methods = [name for name in FUNCTIONS + UNTABLED if hasattr(torch.Tensor, name)]
    assert [name for name in methods if not hasattr(autodiff.Tensor, name)] == []


def test_every_function_is_in_the_table():
    assert [name for name in FUNCTIONS if not {name, f"Tensor.{name}"} & TABLED] == []
    assert [name for name in NEURAL if f"nn.functional.{name}" not in TABLED] == []
