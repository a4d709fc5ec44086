"""A generator of the size `micro` that was never trained: what it makes is noise, and it makes it fast."""

from pathlib import Path


def write(path: Path) -> Path:
    """Weights as a stage would leave them."""
    import numpy as np
    import torch

    from generator.data.world import caption, draw_scene
    from generator.nets import weights
    from generator.nets.dit import DiT
    from generator.nets.presets import preset
    from generator.nets.text import TextModel, make_tokenizer
    from generator.nets.vae import VAE

    torch.manual_seed(0)
    config = preset("micro")
    rng = np.random.default_rng(0)
    captions = [caption(draw_scene(rng), language) for language in ("en", "zh") for _ in range(40)]
    tokenizer = make_tokenizer(captions, config.text.vocabulary)
    made = weights.Weights(config=config, tensors={}, tokenizer=tokenizer)
    parts = {"vae": VAE(config.vae), "text": TextModel(config.text, tokenizer), "dit": DiT(config.dit)}
    for name, network in parts.items():
        made = made.with_part(name, network)
    weights.save(made.with_stage("pretraining", {"preset": "micro"}, {}), path)
    return path
