"""Selection: which files of a backup are wanted, by category and by pattern; the options that say so."""

import functools
import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import click

from wafs.cli.globs import Glob
from wafs.whatsapp.layout import VIDEOS, Category

Command = Callable[..., None]
_CATEGORIES = click.Choice([str(category) for category in Category])


@dataclass(frozen=True, slots=True)
class Selection:
    """What to take: files of these categories that fit a glob of `include`, if there are any, and none of `exclude`."""

    categories: frozenset[Category]
    include: Sequence[Glob] = ()
    exclude: Sequence[Glob] = ()

    @property
    def is_everything(self) -> bool:
        """Tell whether nothing is left out."""
        return not self.include and not self.exclude and len(self.categories) == len(Category)

    def wants(self, path: bytes, category: Category) -> bool:
        """Tell whether to take a file; the path is relative to the top of the backup."""
        if category not in self.categories or self.leaves_out(path):
            return False
        return not self.include or any(glob.fits(path) for glob in self.include)

    def leaves_out(self, path: bytes) -> bool:
        """Tell whether a file, or a folder with all below it, is excluded by a glob."""
        return any(glob.fits(path) for glob in self.exclude)


def _selection(
    only: Collection[str],
    exclude: Collection[str],
    include_glob: Sequence[str],
    exclude_glob: Sequence[str],
    *,
    no_videos: bool,
) -> Selection:
    wanted = frozenset(Category(name) for name in only) or frozenset(Category)
    unwanted = {Category(name) for name in exclude} | (VIDEOS if no_videos else frozenset())
    globs = [[Glob(os.fsencode(glob)) for glob in given] for given in (include_glob, exclude_glob)]
    return Selection(wanted - unwanted, *globs)


def selection_options(command: Command) -> Command:
    """Declare the options on a command, which gets them as the one argument `selection`."""

    @click.option("--no-videos", is_flag=True, help="Leave out videos and video notes, as WhatsApp itself offers.")
    @click.option(
        "--only", type=_CATEGORIES, multiple=True, metavar="CATEGORY", help="Take this category only; repeatable."
    )
    @click.option(
        "--exclude", type=_CATEGORIES, multiple=True, metavar="CATEGORY", help="Leave this category out; repeatable."
    )
    @click.option(
        "--include-glob", multiple=True, metavar="GLOB", help="Take only what fits, such as '*.jpg'; repeatable."
    )
    @click.option(
        "--exclude-glob",
        multiple=True,
        metavar="GLOB",
        help="Leave out what fits, such as 'Media/**/Sent'; repeatable.",
    )
    @functools.wraps(command)
    def with_selection(
        *arguments: object,
        no_videos: bool,
        only: tuple[str, ...],
        exclude: tuple[str, ...],
        include_glob: tuple[str, ...],
        exclude_glob: tuple[str, ...],
        **options: object,
    ) -> None:
        selection = _selection(only, exclude, include_glob, exclude_glob, no_videos=no_videos)
        command(*arguments, selection=selection, **options)

    return with_selection


CATEGORY_WORDS = ", ".join(Category)
"""All categories, for a help text."""
