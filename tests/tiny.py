"""Small seeded models with a real filter bank: everything a full one has, in a fraction of a second."""

import torch

from rtrave.backends.cache import graph_folder, hash_source
from rtrave.backends.graph_shape import GraphShape
from rtrave.compiler.graph import build_graph
from rtrave.model.formats.load import load
from rtrave.model.formats.native import save_native
from rtrave.model.rave import Model
from rtrave.model.spec import DecoderSpec, EncoderSpec, NetworkSpec
from tests.reference import DATA


def tiny_model(channels=1, ratios=(4, 2), latent_size=4, seed=0, sample_rate=44100):
    """A model of ratio 128 with random weights and a random rotation for its PCA."""
    bank = load(DATA / "v2_causal").pqmf
    dilations = ((1, 3), (1,))
    network = NetworkSpec(
        encoder=EncoderSpec(2, 4, ratios, dilations=dilations),
        decoder=DecoderSpec(2, 4, ratios, dilations=dilations),
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


def save_compiled(model, path, *shapes):
    """Save a model, and compile it here: a child process would read torch for each shape."""
    save_native(model, path)
    for shape in shapes or (GraphShape(),):
        build_graph(model, graph_folder(hash_source(path), shape), shape)
