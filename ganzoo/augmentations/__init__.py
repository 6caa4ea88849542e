"""Augmentations of pictures, by chance, twice differentiable, the same for real and fake ones.

What the records name are `diffaugment.DiffAugment` and `ada.Ada`; the other modules are their parts. Pictures are taken to have
values from -1 to 1. All chance comes from one stream, "augment".
"""
