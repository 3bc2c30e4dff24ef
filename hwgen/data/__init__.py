"""Data sets: raw uint8 images with labels, by name and split, from an .npz, or from a folder of pictures.

A spec is

- ``NAME:SPLIT``, such as ``mnist:test``;
- the path of an .npz with ``images`` (N,H,W[,C] uint8, raw pixels) and optionally ``labels`` (N,);
- the path of a folder with a folder of PNG or JPEG files per class (`hwgen.data.pictures`).

A name is looked for in ``$HWGEN_DATA``, then in ``../shared/data`` beside the working tree, then in the user's cache;
what is free to download is downloaded into that cache. In each of these folders a data set may lie

- as ``NAME_SPLIT.npz`` with ``images`` and ``labels`` (any name: your own sets too),
- as ``NAME.npz`` with ``SPLIT_images`` and ``SPLIT_labels``,
- as its authors publish it, packed or unpacked, there or in a folder ``NAME/`` (`hwgen.data.published`),
- as pictures, ``NAME/SPLIT/CLASS/*.png`` (any name),
- CIFAR-10 as ``cifar10_jpeg_SPLIT.npz`` with JPEG bytes.

Two small samples come with hwgen itself: ``mnist-sample:test`` and ``cifar10-sample:test``.
"""

from .dataset import Dataset
from .sets import folders, load, samples

__all__ = ["Dataset", "folders", "load", "samples"]
