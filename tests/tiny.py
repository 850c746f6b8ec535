"""Small seeded models with a designed filter bank, which build in a fraction of a second."""

import torch

from rtrave.backends.cache import graph_folder, hash_source
from rtrave.backends.graph_shape import GraphShape
from rtrave.compiler.graph import build_graph
from rtrave.model.formats.load import load
from rtrave.model.formats.native import save_native
from rtrave.model.rave import Model
from rtrave.model.spec import DecoderSpec, EncoderSpec, NetworkSpec
from tests.reference import DATA

DILATIONS = ((1, 3), (1,))
RAVE_RATIOS = (4, 4, 4, 2)
RAVE_DILATIONS = ((1, 3, 9), (1, 3, 9), (1, 3, 9), (1, 3))  # those of RAVE's second version


def tiny_model(channels=1, ratios=(4, 2), latent_size=4, seed=0, sample_rate=44100, dilations=DILATIONS, adain=False):
    """Return a model, of ratio 128 by default, with random weights and a random rotation as its PCA."""
    bank = load(DATA / "v2_causal").pqmf
    network = NetworkSpec(
        encoder=EncoderSpec(2, 4, ratios, dilations=dilations, adain=adain),
        decoder=DecoderSpec(2, 4, ratios, dilations=dilations, adain=adain),
        latent_size=latent_size,
        analysis_taps=bank.forward_conv.kernel_size,
        synthesis_taps=bank.inverse_conv.kernel_size,
        channels=channels,
    )
    generator = torch.Generator().manual_seed(seed)
    model = Model(network, "tiny", sample_rate)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if not name.startswith("pqmf."):
                parameter.copy_(torch.randn(parameter.shape, generator=generator))
                if name.endswith("weight_g"):
                    parameter.abs_().mul_(0.3).add_(0.95)
        model.pqmf.load_state_dict(bank.state_dict())
        model.latent_pca.copy_(torch.linalg.qr(torch.randn(latent_size, latent_size, generator=generator))[0])
        model.latent_mean.copy_(torch.randn(latent_size, generator=generator))
    return model.eval()


def wide_model():
    """Return a model with RAVE's ratios and four times its dilations: receptive fields wider than any of RAVE's."""
    dilations = tuple(tuple(4 * dilation for dilation in stage) for stage in RAVE_DILATIONS)
    return tiny_model(ratios=RAVE_RATIOS, dilations=dilations)


def learning_model():
    """Return a model whose adaptive instance norm learns from the first sample: unbounded receptive fields."""
    model = tiny_model(dilations=((1,), (1,)), adain=True)
    for name, buffer in model.named_buffers():
        if name.endswith(("learn_x", "num_update_y")):  # learn the source; the target is known: mean 0, deviation 1
            buffer.fill_(1)
    return model


def save_compiled(model, path, *shapes):
    """Save a model and compile it in this process: a child process would import torch for each shape."""
    save_native(model, path)
    for shape in shapes or (GraphShape(),):
        build_graph(model, graph_folder(hash_source(path), shape), shape)
