"""Before anything is trained: look at every image once, measure, split, plan."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from regraft.data.faults import odd_ones
from regraft.data.find import Data, find_images
from regraft.data.images import Fault, ImageSet
from regraft.data.pixel_range import Unmeasured, measured
from regraft.data.rendering import from_dict as rendering_from
from regraft.data.split import Split, keep_all, split_images
from regraft.data.transparency import check_that_something_shows
from regraft.data.whole_groups import classes_without, told, whole_classes
from regraft.errors import DataError, RecipeError
from regraft.features.extract import extract
from regraft.features.features import Features
from regraft.features.frozen_pass import Wanted, wanted_at, wanted_of
from regraft.features.label_issues import LabelIssue, find_label_issues, label_issue_faults
from regraft.features.near_duplicates import NearDuplicate, find_near_duplicates, near_duplicate_faults
from regraft.network.backbone import Backbone
from regraft.network.load import load
from regraft.planning.costs import NetworkSize
from regraft.planning.going_on import GoingOn, going_on_from
from regraft.planning.image_size import with_image_size
from regraft.planning.large_sets import Sampled, is_large, sampled_rows
from regraft.planning.plan import Plan, make_plan
from regraft.planning.size import size_of
from regraft.progress import Progress, silent
from regraft.recipe import FROZEN_STRATEGIES, Recipe
from regraft.similarity.measure import judge_for, judged_rows, measure_similarity
from regraft.similarity.statistics import Statistics, find_statistics


@dataclass(frozen=True)
class Job:
    """All that is known before anything is trained."""

    recipe: Recipe
    backbone: Backbone
    features: Features
    split: Split
    plan: Plan
    going_on: GoingOn | None = None  # the run that it goes on from

    @property
    def images(self) -> ImageSet:
        """The images that could be decoded."""
        return self.features.images

    @cached_property
    def near_duplicates(self) -> tuple[NearDuplicate, ...]:
        """Test images that show the picture or the scene of others."""
        return find_near_duplicates(self.features, self.split, self.recipe.network.workers)

    @cached_property
    def label_issues(self) -> tuple[LabelIssue, ...]:
        """Images whose labels are not believed, the least believed first."""
        return find_label_issues(self.features, self.recipe.planning.split_seed)

    @cached_property
    def faults(self) -> tuple[Fault, ...]:
        """All that is odd or wrong: what a look at the files tells, and what the features tell."""
        duplicates = near_duplicate_faults(self.features, self.split, self.near_duplicates)
        return (*self.images.faults, *duplicates, *label_issue_faults(self.features, self.label_issues))

    def plan_with_faults(self) -> Plan:
        """The plan, with what is odd about the images."""
        return replace(self.plan, faults=self.faults)

    def planned_recipe(self) -> Recipe:
        """The recipe with the plan's strategy and cuts in it."""
        plan, frozen = self.plan, self.plan.strategy in FROZEN_STRATEGIES
        joined = plan.cuts if len(plan.cuts) > 1 else ()
        views = self.recipe.head.views if frozen else 0
        return self.recipe.but(strategy=plan.strategy, cut=None if joined else plan.cut, cuts=joined, views=views)


@dataclass(frozen=True)
class Found:
    """Images that were listed, and the network that is to look at them."""

    recipe: Recipe  # with the image size and the cuts' own names in it
    listed: ImageSet  # before deep images were measured
    images: ImageSet
    backbone: Backbone
    wanted: Wanted
    statistics: Statistics | None  # the source's, where they are known
    going_on: GoingOn | None = None  # the run that it goes on from
    known: Features | None = None  # at every cut, of a sample that has made the plan

    @cached_property
    def judge(self) -> Backbone | None:
        """The network that looks at some of the images too, unless it has."""
        return None if self.known else judge_for(self.backbone, self.statistics)

    @cached_property
    def judged(self) -> np.ndarray:
        """The rows of those images."""
        return judged_rows(self.images) if self.judge else np.empty(0, np.int64)


@dataclass(frozen=True)
class Looked:
    """Images that went through a network once, before they are split."""

    recipe: Recipe
    backbone: Backbone
    features: Features
    statistics: Statistics | None  # the source's, where they are known
    going_on: GoingOn | None = None  # the run that it goes on from
    sampled: Sampled | None = None  # what makes the plan of a large set

    def split(self, seed: int | None = None) -> Split:
        """Who trains, who chooses, who is reported on; ``seed``: in place of the recipe's."""
        return split_images(
            self.features.images, self.features.pixels, self.recipe.planning.split_seed if seed is None else seed
        )

    def keep_all(self) -> Split:
        """Every image trains, whatever its part."""
        return keep_all(self.features.images, self.features.pixels, self.recipe.planning.split_seed)

    def planned(self, split: Split, progress: Progress = silent) -> Job:
        """Measure and plan on the training part of ``split``."""
        recipe, backbone, sampled = self.recipe, self.backbone, self.sampled
        features = self.features.saying(told(classes_without(self.features.images, split), progress))
        if sampled:
            similarity = sampled.similarity
        else:
            similarity = measure_similarity(
                features, split.train, split.folds, backbone, self.statistics, recipe, progress
            )
        images = len(features.looks)
        if sampled and features.store is sampled.features.store:  # the others were not looked at
            images, size = len(sampled.of.files), sampled.size_for(recipe.planning.large_from)
        else:
            distinct = len(features.pixels.take(split.train).first_rows()[0])
            labels, classes = features.labels[split.train], len(features.images.classes)
            size = size_of(labels, classes, recipe.planning.large_from, distinct)
        sides = features.short_side(np.arange(len(features.looks))), backbone.preprocessing.size
        plan = make_plan(size, similarity, recipe, network_size(backbone, features.rate), sides, images)
        said = (*plan.details, *features.images.rendering.in_words())
        notes = (*features.images.notes, *backbone.notes, *notes_on_going_on(self.going_on, features.images))
        made_on = len(sampled.features.looks) if sampled else len(features.looks)
        plan = replace(
            plan, images_through_backbone=features.passed, details=said, notes=notes, images_planned_on=made_on
        )
        return Job(recipe, backbone, features, split, plan, self.going_on)


def prepare(
    data: Data,
    recipe: Recipe,
    progress: Progress = silent,
    backbone: Backbone | None = None,
    hold_out: bool = True,
    may_go_on: bool = False,
    plan_alone: bool = False,
) -> Job:
    """Look at every image once, measure, and plan.

    ``backbone`` in place of the one that the recipe names. Without ``hold_out`` every image trains, whatever part it
    is in, and there is nothing to report on. ``may_go_on``: whether the recipe may name a run to go on from.
    ``plan_alone``: nothing is trained, so that of a large set the sample is enough.
    """
    looked = look(data, recipe, progress, backbone, may_go_on, plan_alone=plan_alone)
    return looked.planned(looked.split() if hold_out else looked.keep_all(), progress)


def look(
    data: Data,
    recipe: Recipe,
    progress: Progress = silent,
    backbone: Backbone | None = None,
    may_go_on: bool = False,
    plan_alone: bool = False,
    every_cut: bool = False,
    also: Sequence[str] = (),
) -> Looked:
    """Look at every image once; ``backbone``, ``may_go_on`` and ``plan_alone`` as prepare takes them.

    A large set has features of those cuts that training asks for and those named in ``also``, unless ``every_cut`` is
    wanted.
    """
    found = found_for(data, recipe, backbone, may_go_on, progress)
    warnings = told(whole_classes(found.images), progress)
    sampled = None if every_cut else sampled_of(found, progress)
    features = None
    if sampled:
        features = sampled.features if plan_alone else look_at_few_cuts(found, sampled, progress, also)
    if features is None:
        sampled, features = None, look_at_all(found, progress)
    features = features.noting(odd_ones(features.images, features.looks))
    features = features.saying((*warnings, *([sampled.in_words] if sampled else ())))
    return Looked(found.recipe, found.backbone, features, found.statistics, found.going_on, sampled)


def found_for(
    data: Data, recipe: Recipe, backbone: Backbone | None = None, may_go_on: bool = False, progress: Progress = silent
) -> Found:
    """List the images and open the network; the arguments as prepare takes them."""
    if recipe.network.continue_from is not None and not may_go_on:
        raise RecipeError("--continue goes with plan and train alone; leave it out, or name the run with --backbone")
    going_on = going_on_from(recipe)
    recipe = going_on.settled(recipe) if going_on else recipe
    listed = find_images(data, recipe.reading, progress=progress)
    images = measured(listed, recipe.reading, recipe.network.workers)
    check_that_something_shows(images)
    recipe = recipe if backbone else with_image_size(recipe, images)
    network = recipe.network
    backbone = backbone or load(network.backbone, network.weights, network.image_size, network.weights_key)
    recipe = with_cut_names(recipe, backbone)  # unknown cuts are refused now rather than after the pass
    statistics = find_statistics(backbone.fingerprint)
    wanted = wanted_of(backbone, recipe.head.pooling, spread=statistics is not None)
    return Found(recipe, listed, images, backbone, wanted, statistics, going_on)


def look_at_all(found: Found, progress: Progress) -> Features:
    """The one pass over all images.

    Where it meets deep images that are of no measured kind, those are measured too, and it begins anew.
    """
    backbone, wanted, recipe, images = found.backbone, found.wanted, found.recipe, found.images
    judge, rows = found.judge, found.judged
    try:
        return extract(images, backbone, wanted, recipe, progress, judge, rows, strict=True)
    except Unmeasured as met:
        again = measured(found.listed, recipe.reading, recipe.network.workers, met.files)
        return extract(again, backbone, wanted, recipe, progress, judge, rows)


def sampled_of(found: Found, progress: Progress) -> Sampled | None:
    """What a sample of a large set tells; None where the set is not large, or the sample cannot stand for it."""
    if not is_large(found.images):
        return None
    part = replace(found, images=found.images.of(sampled_rows(found.images)))
    recipe, backbone = found.recipe, found.backbone
    progress.say(f"{len(found.images.files):,} images: the plan is made on {len(part.images.files):,} of them")
    try:
        features = extract(part.images, backbone, found.wanted, recipe, progress, part.judge, part.judged, strict=True)
        split = split_images(features.images, features.pixels, recipe.planning.split_seed)
    except (DataError, Unmeasured):  # all images may do, or say what is wrong
        return None
    similarity = measure_similarity(features, split.train, split.folds, backbone, found.statistics, recipe, progress)
    return Sampled(found.images, features, split, similarity)


def at_few_cuts(found: Found, sampled: Sampled, progress: Progress, also: Sequence[str] = ()) -> Found:
    """The same images, to be looked at for those cuts alone that training asks for, and those named in ``also``."""
    names = [found.backbone.cut_of(name).name for name in also]
    wanted = wanted_at(sampled.cuts(found.recipe, names, progress), found.recipe.head.pooling)
    return replace(found, wanted=wanted, known=sampled.features)


def look_at_few_cuts(found: Found, sampled: Sampled, progress: Progress, also: Sequence[str]) -> Features | None:
    """The one pass over all images; None where it meets deep images that the sample has none of."""
    few = at_few_cuts(found, sampled, progress, also)
    try:
        features = extract(
            few.images, few.backbone, few.wanted, few.recipe, progress, strict=True, known=sampled.features
        )
    except Unmeasured:
        return None
    seen = sampled.features
    return replace(features, passed=features.passed + seen.passed, seconds=features.seconds + seen.seconds)


def notes_on_going_on(going_on: GoingOn | None, images: ImageSet) -> Iterator[str]:
    """What is kept of a run that is gone on from, and whether its images were rendered otherwise."""
    if going_on is None:
        return
    yield from going_on.continued(images.classes).in_words
    before = rendering_from(going_on.rendering) if going_on.rendering else None
    if before and before != images.rendering:
        there, here = (" ".join(one.in_words()) or "as 8-bit images are" for one in (before, images.rendering))
        yield f"Images are shown to the network otherwise than in {going_on.run}: there {there}; here {here}"


def with_cut_names(recipe: Recipe, backbone: Backbone) -> Recipe:
    """The recipe with the cuts' own names in place of aliases; BackboneError for a cut that the network lacks."""
    planning, unfreeze_from = recipe.planning, recipe.optimisation.unfreeze_from
    return recipe.but(
        unfreeze_from=unfreeze_from and backbone.cut_of(unfreeze_from).name,
        cut=planning.cut and backbone.cut_of(planning.cut).name,
        cuts=tuple(backbone.cut_of(name).name for name in planning.cuts),
    )


def network_size(backbone: Backbone, rate: float | None) -> NetworkSize:
    """Parameters up to each cut, and what an image costs."""
    cuts, known = backbone.cuts, backbone.description
    parameters = dict(zip((cut.name for cut in cuts), np.cumsum(known.parameters).tolist(), strict=True))
    return NetworkSize(parameters, {cut.name: cut.channels for cut in cuts}, known.activations, rate)
