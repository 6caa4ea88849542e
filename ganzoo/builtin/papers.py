"""Address, year and licence of the built-in components' definitions."""

from __future__ import annotations

from typing import Any

OWN: dict[str, Any] = {"licence": "Apache-2.0"}


def paper(arxiv: str) -> dict[str, Any]:
    """Address, year and licence of a component, from its paper's arXiv number, whose first two digits are the year."""
    return {"paper": f"https://arxiv.org/abs/{arxiv}", "year": 2000 + int(arxiv[:2]), **OWN}


GAN = paper("1406.2661")
NOTE = paper("1511.01844")  # Theis et al.: A note on the evaluation of generative models
INCEPTION = paper("1512.00567")
IMPROVED_GAN = paper("1606.03498")
TWO_SAMPLE = paper("1610.06545")
ACGAN = paper("1610.09585")
LSGAN = paper("1611.04076")
WGAN = paper("1701.07875")
WGAN_GP = paper("1704.00028")
GEOMETRIC_GAN = paper("1705.02894")
BIGGAN = paper("1809.11096")
MODE_SEEKING = paper("1903.05628")
CONSISTENCY = paper("1910.12027")
IMPROVED_CONSISTENCY = paper("2002.04724")
LECAM = paper("2104.03310")
DRAGAN = paper("1705.07215")
VEEGAN = paper("1705.07761")
TTUR = paper("1706.08500")
FASHION_MNIST = {**paper("1708.07747"), "licence": "MIT"}
WGAN_LP = paper("1709.08894")
PROGAN = paper("1710.10196")
KID = paper("1801.01401")
LPIPS = paper("1801.03924")
PACGAN = paper("1712.04086")
CONVERGENCE = paper("1801.04406")  # Mescheder et al.: Which Training Methods for GANs do actually Converge?
PROJECTION = paper("1802.05637")
RELATIVISTIC = paper("1807.00734")
HOW_GOOD = paper("1807.09499")
STYLEGAN = paper("1812.04948")
CAS = paper("1905.10887")
EFFICIENTNET = paper("1905.11946")
UNBIASED_FID = paper("1911.07023")
PRDC = paper("2002.09797")  # Naeem et al.: Reliable Fidelity and Diversity Metrics for Generative Models
SPECTRUM = paper("2003.01826")
DATA_COPYING = paper("2004.05675")
ADA = paper("2006.06676")
DIFFAUGMENT = paper("2006.10738")
FAITHFUL = paper("2102.08921")  # Alaa et al.: How Faithful is your Synthetic Data?
CLIP = paper("2103.00020")
MIFID = paper("2106.03062")
RARITY = paper("2206.08549")
VENDI = paper("2210.02410")
DINOV2 = paper("2304.07193")
CMMD = paper("2401.09603")
ENERGY = {"paper": "https://doi.org/10.1016/j.jspi.2013.03.018", "year": 2013, **OWN}  # Székely and Rizzo
