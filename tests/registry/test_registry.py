"""Discovery, the rules for names and versions, loading, and callbacks."""

from __future__ import annotations

import inspect
import itertools
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pytest
from handmade import HEAD, Site, arch_module
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.specifiers import InvalidSpecifier, SpecifierSet

import ganzoo
from ganzoo.activation import Activated
from ganzoo.discovery import installed_offers, plainly_admits, settle_names, version_problem
from ganzoo.errors import GanzooError, UsageError
from ganzoo.plugin import RECORD_HOOKS, Arch, Augmentation, Dataset, Loss, Metric, Penalty, Record
from ganzoo.registry import OFFICIAL_ARCHITECTURES, OFFICIAL_PLUGINS, Entry, Offer, Registry, discover, registry

unhurried = settings(deadline=None)  # the machine may be busy
OFFICIAL_IDS = {f"{plugin}/{name}" for name, plugin in OFFICIAL_ARCHITECTURES.items()}


def offer(name: str, distribution: str, *requires: str, value: str = "absent", version: str = "1.0") -> Offer:
    return Offer(name, value, distribution, version, requires)


def arch(name: str) -> Arch:
    return Arch(name=name, target="absent:build", summary="Made for a test")


def made(plugins: dict[str, Sequence[Record]]) -> Registry:
    """A registry of these records by plugin; an official plugin comes from its official distribution."""
    activated = []
    for plugin, records in plugins.items():
        by_kind: dict[type[Record], list[Record]] = {}
        for record in records:
            by_kind.setdefault(type(record), []).append(record)
        distribution = OFFICIAL_PLUGINS.get(plugin, f"{plugin}-gan")
        activated.append(Activated(offer(plugin, distribution), records=by_kind))
    return Registry(activated)


# -- conflict of names

CONFLICTS: list[tuple[str, list[tuple[str, str]], list[str]]] = [
    ("alone", [("acme", "whatever")], ["whatever"]),
    ("two names of one distribution", [("acme", "acme-gan"), ("acme-lab", "acme-gan")], ["acme-gan", "acme-gan"]),
    ("named after it", [("acme", "other"), ("acme", "acme-gan")], ["acme-gan"]),
    ("named exactly so", [("acme", "other"), ("acme", "Acme")], ["Acme"]),
    ("with our prefix", [("acme", "other"), ("acme", "ganzoo_acme")], ["ganzoo_acme"]),
    ("two named after it", [("acme", "acme-gan"), ("acme", "ganzoo-acme")], []),
    ("none named after it", [("acme", "left"), ("acme", "right")], []),
    ("a longer word is not the name", [("acme", "acmegan"), ("acme", "right")], []),
    ("official", [("classic", "classic-gan"), ("classic", "ganzoo-classic")], ["ganzoo-classic"]),
    ("official, spelt otherwise", [("classic", "Ganzoo_Classic")], ["Ganzoo_Classic"]),
    ("official one absent", [("classic", "classic")], []),
    ("reserved", [("ganzoo", "ganzoo-more")], []),
    ("no name", [("Acme", "acme"), ("acme_gan", "acme"), ("a b", "acme"), ("", "acme")], []),
]


@pytest.mark.parametrize(("offered", "kept"), [case[1:] for case in CONFLICTS], ids=[case[0] for case in CONFLICTS])
def test_conflicts_of_names(offered: list[tuple[str, str]], kept: list[str]) -> None:
    offers = [offer(name, distribution) for name, distribution in offered]
    for order in itertools.permutations(offers):
        survivors, problems = settle_names(order)
        assert sorted(survivor.distribution for survivor in survivors) == sorted(kept)
        assert len(survivors) + len(problems) == len(offers)
        assert {problem.stage for problem in problems} <= {"conflict"}


def test_one_distribution_that_offers_a_name_twice() -> None:
    first, same, other = (offer("acme", "acme-gan", value=value) for value in ("a", "a", "b"))
    assert settle_names([first, same]) == ([first], [])
    survivors, (problem,) = settle_names([first, other])
    assert survivors == [first]
    assert "it offers acme twice, as a and as b" in problem.cause


DISTRIBUTIONS = ["acme", "acme-gan", "ganzoo-acme", "ganzoo-classic", "classic", "beta-x", "left", "right"]
OFFERED = st.tuples(st.sampled_from(["acme", "classic", "beta"]), st.sampled_from(DISTRIBUTIONS))


@unhurried
@given(st.lists(OFFERED, unique=True))
def test_a_name_has_at_most_one_plugin_whatever_the_order(pairs: list[tuple[str, str]]) -> None:
    offers = [offer(name, distribution) for name, distribution in pairs]
    kept, problems = settle_names(offers)
    backwards, _ = settle_names(reversed(offers))
    assert set(kept) == set(backwards)
    assert len({survivor.name for survivor in kept}) == len(kept)
    assert all(survivor.distribution == "ganzoo-classic" for survivor in kept if survivor.name == "classic")
    refused = {(problem.source, problem.distribution) for problem in problems}
    assert refused | {(survivor.name, survivor.distribution) for survivor in kept} == set(pairs)


# -- version


@pytest.mark.parametrize(
    ("requires", "admitted"),
    [
        ([], True),
        (["torch", "ganzoo>=0.1"], True),
        (["ganzoo"], True),
        (["ganzoo>=99"], False),
        (["Ganzoo (<0.1)"], False),
        (["ganzoo[zoo]>=99"], False),
        (["ganzoo>=0.1", "ganzoo<0.1"], False),
        (["ganzoo>=99; python_version < '3'"], True),
        (["ganzoo>=99; python_version > '3'"], False),
        (["ganzoo>=99; extra == 'test'"], True),
        (["ganzoo-classic>=99", "ganzoo_lab>=99", "ganzooks>=99"], True),
        (["ganzoo @ file:///somewhere"], True),
        (["ganzoo>=nonsense"], False),
    ],
)
def test_requirements_on_ganzoo(requires: list[str], admitted: bool) -> None:
    problem = version_problem(offer("acme", "acme-gan", *requires), "0.1.0")
    assert (problem is None) == admitted
    if problem is not None:
        assert (problem.distribution, problem.stage) == ("acme-gan", "version")


def test_a_prerelease_of_ganzoo_satisfies_a_range() -> None:
    assert version_problem(offer("acme", "acme-gan", "ganzoo>=0.1,<1"), "0.2.0.dev1") is None
    assert version_problem(offer("acme", "acme-gan", "ganzoo>=0.2"), "0.2.0.dev1") is not None


VERSIONS = st.lists(st.integers(0, 3), min_size=1, max_size=4).map(lambda numbers: ".".join(map(str, numbers)))
CLAUSES = st.tuples(st.sampled_from([">=", "<", "==", "~=", " >= ", " < "]), VERSIONS).map("".join)


@unhurried
@given(st.lists(CLAUSES, min_size=1, max_size=3).map(",".join), VERSIONS, st.sampled_from(["", "", ".dev1", "rc1"]))
def test_the_short_way_to_judge_a_requirement_agrees_with_packaging(bounds: str, release: str, suffix: str) -> None:
    line, version = f"ganzoo{bounds}", release + suffix
    try:
        admitted = SpecifierSet(bounds).contains(version, prereleases=True)
    except InvalidSpecifier:  # ~=1
        admitted = False
    assert (version_problem(offer("acme", "acme-gan", line), version) is None) == admitted
    plain = suffix == "" and "=" not in bounds.replace(">=", "")
    assert plainly_admits(line, version) == (plain and admitted)


# -- what is installed


def test_installed_offers(site: Site) -> None:
    ours = "[ganzoo]\n# ours\nacme = acme_gan\nacme-lab=acme_gan.lab:plugin\n"
    text = f"[console_scripts]\nx = y:z\n\n{ours}[ganzoo.other]\nno = no\n"
    site.add("Acme_GAN", text, version="2.1", requires=["ganzoo>=0.1", "torch"])
    site.add("unrelated", "[console_scripts]\nx = y:z\n")
    assert [found for found in installed_offers() if found.distribution == "Acme_GAN"] == [
        Offer("acme", "acme_gan", "Acme_GAN", "2.1", ("ganzoo>=0.1", "torch")),
        Offer("acme-lab", "acme_gan.lab:plugin", "Acme_GAN", "2.1", ("ganzoo>=0.1", "torch")),
    ]
    assert not [found for found in installed_offers() if found.distribution == "unrelated"]


def test_of_two_copies_of_a_distribution_the_first_counts(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.add("acme-gan", {"acme": "old"}, version="1.0")
    site.add("beta-gan", {"beta": "old"}, version="1.0")
    nearer = Site(site.folder.parent / "nearer")
    nearer.add("Acme.Gan", {"acme": "new"}, version="2.0")
    nearer.add("beta-gan", "[console_scripts]\nx = y:z\n", version="2.0")  # the version in use brings no plugin
    monkeypatch.syspath_prepend(str(nearer.folder))
    offers = {found.name: found.value for found in installed_offers()}
    assert offers.get("acme") == "new"
    assert "beta" not in offers


def test_discover_reads_what_is_installed(site: Site) -> None:
    site.add("acme-gan", {"acme": "discovered_acme"}, {"discovered_acme": arch_module("mlp-gan")}, version="1.5")
    entry = discover().find(Arch, "mlp-gan")
    assert (entry.id, entry.distribution, entry.version) == ("acme/mlp-gan", "acme-gan", "1.5")


def test_plugin_info(module: Callable[[str, str], str]) -> None:
    name = module("informed_acme", arch_module("a", "b") + "@hookimpl\ndef ganzoo_callbacks(run):\n    return []\n")
    info = {info.name: info for info in discover([offer("acme", "acme-gan", value=name)]).plugins}
    assert info["acme"].counts == {"architecture": 2, "callback": 1}
    assert info["acme"].import_ms
    assert list(info) == ["ganzoo", "acme"]


def test_disabled_plugins_are_left_alone(module: Callable[[str, str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANZOO_DISABLE", "broken, quiet,ganzoo")
    broken = module("disabled_broken", "raise RuntimeError")
    quiet = module("disabled_quiet", arch_module("mlp-gan"))
    offers = [offer("broken", "x", value=broken), offer("quiet", "y", value=quiet), offer("classic", "z")]
    found = discover(offers)
    assert {info.name for info in found.plugins if info.disabled} == {"broken", "quiet"}
    assert [problem.source for problem in found.problems] == ["classic"]
    assert found.entries(Arch) == []
    assert found.entries(Loss), "the built-in components cannot be switched off"
    with pytest.raises(UsageError, match="quiet is switched off by GANZOO_DISABLE"):
        found.find(Arch, "quiet/mlp-gan")


def test_the_registry_is_discovered_once() -> None:
    assert registry() is registry()


# -- names

NAMES = st.sampled_from([*OFFICIAL_ARCHITECTURES, "mlp-gan", "conv-gan", "dcgan-2", "wgan-lp"])
PLUGINS = st.dictionaries(
    st.sampled_from([*OFFICIAL_PLUGINS, "acme", "beta", "gamma"]), st.sets(NAMES, min_size=1), max_size=5
)


def archs(plugins: Mapping[str, Iterable[str]]) -> Registry:
    return made({plugin: [arch(name) for name in sorted(names)] for plugin, names in plugins.items()})


def resolve(found: Registry, name: str) -> str | None:
    try:
        return found.find(Arch, name).id
    except UsageError:
        return None


@unhurried
@given(PLUGINS)
def test_an_id_is_always_exact(plugins: dict[str, set[str]]) -> None:
    found = archs(plugins)
    ids = sorted(f"{plugin}/{name}" for plugin, names in plugins.items() for name in names)
    assert [entry.id for entry in found.entries(Arch)] == ids
    for entry in found.entries(Arch):
        assert found.find(Arch, entry.id) is entry
        assert found.find(Arch, found.shortest_name(Arch, entry)) is entry


@unhurried
@given(PLUGINS, NAMES)
def test_what_a_bare_name_means(plugins: dict[str, set[str]], name: str) -> None:
    found = archs(plugins)
    offering = sorted(f"{plugin}/{name}" for plugin, names in plugins.items() if name in names)
    owner = OFFICIAL_ARCHITECTURES.get(name)
    if owner is not None:
        wanted = f"{owner}/{name}" if f"{owner}/{name}" in offering else None
    else:
        wanted = offering[0] if len(offering) == 1 else None
    assert resolve(found, name) == wanted
    if wanted is None:
        with pytest.raises(UsageError) as error:
            found.find(Arch, name)
        assert all(offered in str(error.value) for offered in offering)
        if owner is not None:
            assert f"pip install {'--upgrade ' if owner in plugins else ''}ganzoo-{owner}" in str(error.value)


@unhurried
@given(PLUGINS, PLUGINS, NAMES)
def test_another_plugin_never_changes_what_a_name_means(
    before: dict[str, set[str]], more: dict[str, set[str]], name: str
) -> None:
    meant = resolve(archs(before), name)
    means = resolve(archs({**more, **before}), name)
    if meant is not None:
        assert means in (meant, None)
        assert resolve(archs({**more, **before}), meant) == meant


@unhurried
@given(PLUGINS, st.data())
def test_a_misspelt_name_gets_a_suggestion(plugins: dict[str, set[str]], data: st.DataObject) -> None:
    found = archs(plugins)
    known = {*OFFICIAL_ARCHITECTURES, *OFFICIAL_IDS, *(entry.id for entry in found.entries(Arch))}
    known |= {found.shortest_name(Arch, entry) for entry in found.entries(Arch)}
    name = data.draw(st.sampled_from(sorted(known)))
    at = data.draw(st.integers(name.find("/") + 1, len(name) - 1))
    misspelt = name[:at] + "q" + name[at:]
    with pytest.raises(UsageError) as error:
        found.find(Arch, misspelt)
    message = str(error.value)
    assert misspelt in message
    suggested = message.partition("Did you mean ")[2].partition("?")[0].split(" or ")
    assert set(suggested) <= known, message


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("wgan_gp", "Did you mean wgan-gp"),
        ("WGAN-GP", "Did you mean wgan-gp"),
        ("acme/mlp-gam", "Did you mean acme/mlp-gan?"),
        ("acne/mlp-gan", "Did you mean acme/mlp-gan?"),
        ("classic/wgan-gp", "Did you mean wasserstein/wgan-gp?"),
        ("classic/dcgan", "ganzoo-classic, which is not installed: pip install ganzoo-classic"),
        ("dcgan", "ganzoo-classic, which is not installed: pip install ganzoo-classic"),
        ("wgan", "acme/wgan"),
        ("same", "acme/same or beta/same"),
        ("xxxxxx", "Known: "),
        ("", "Known: "),
        ("/", "Known: "),
    ],
)
def test_messages_about_names(given: str, words: str) -> None:
    with pytest.raises(UsageError) as error:
        archs({"acme": ["mlp-gan", "same", "wgan"], "beta": ["same"]}).find(Arch, given)
    assert words in str(error.value)


def test_a_name_of_a_broken_plugin_tells_its_problem(module: Callable[[str, str], str]) -> None:
    broken = module("broken_official", "raise RuntimeError('no driver')")
    found = discover([offer("classic", "ganzoo-classic", value=broken), offer("acme", "acme-gan", "ganzoo>=99")])
    for name, words in (("dcgan", "no driver"), ("classic/gan", "no driver"), ("acme/gan", "ganzoo>=99")):
        with pytest.raises(UsageError, match=words):
            found.find(Arch, name)
    with pytest.raises(UsageError, match=r"Plugins with problems: acme, classic; see `ganzoo plugins`"):
        found.find(Arch, "mlp-gan")


def test_the_built_in_component_has_the_bare_name(module: Callable[[str, str], str]) -> None:
    loss = "Loss(name={!r}, target='a:b', summary='Made for a test')"
    source = f"{HEAD}@hookimpl\ndef ganzoo_losses():\n    return [{loss.format('hinge')}, {loss.format('fresh')}]\n"
    offers = [offer(name, f"{name}-gan", value=module(f"losses_{name}", source)) for name in ("acme", "beta")]
    found = discover(offers)
    assert found.find(Loss, "hinge").id == "ganzoo/hinge"
    assert found.find(Loss, "acme/hinge").id == "acme/hinge"
    with pytest.raises(UsageError, match="acme/fresh or beta/fresh"):
        found.find(Loss, "fresh")
    assert discover(offers[:1]).find(Loss, "fresh").id == "acme/fresh"
    with pytest.raises(UsageError, match="There is no penalty 'hinge'"):
        found.find(Penalty, "hinge")


# -- loading and callbacks


def entry_for(target: str) -> Entry[Arch]:
    return Entry("acme", "acme-gan", "1.0", Arch(name="x", target=target, summary="Made for a test"))


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("raise OSError('no disk')", "OSError: no disk"),
        ("import sys\nsys.exit('bye')", "SystemExit: bye"),
        ("def f(:", "SyntaxError"),
        ("other = 1", "has no attribute 'build'"),
        (None, "No module named 'unloadable"),
    ],
)
def test_a_target_that_cannot_be_loaded(module: Callable[[str, str], str], source: str | None, cause: str) -> None:
    name = module("unloadable", source) if source else "unloadable_absent"
    with pytest.raises(GanzooError) as error:
        made({}).load(entry_for(f"{name}:build"))
    for words in ("acme/x", "plugin acme", "acme-gan 1.0", f"{name}:build", cause):
        assert words in str(error.value)
    assert error.value.__cause__ is not None


def test_loading_is_quiet_on_stdout(module: Callable[[str, str], str], capsys: pytest.CaptureFixture[str]) -> None:
    name = module("loadable", "print('noise')\nbuild = 7\n")
    assert made({}).load(entry_for(f"{name}:build")) == 7
    assert capsys.readouterr() == ("", "noise\n")


def test_interrupting_a_load_is_not_an_error_of_the_plugin(module: Callable[[str, str], str]) -> None:
    with pytest.raises(KeyboardInterrupt):
        made({}).load(entry_for(f"{module('interrupted', 'raise KeyboardInterrupt')}:build"))


def test_callbacks(module: Callable[[str, str], str]) -> None:
    hook = f"{HEAD}@hookimpl\ndef ganzoo_callbacks(%s):\n    %s\n"
    sources = {
        "acme": hook % ("run", "return [run, 'first']"),
        "beta": hook % ("run", "yield run.absent"),
        "delta": hook % ("run", "return None"),
        "gamma": hook % ("", "yield 'last'"),
    }
    offers = [offer(name, f"{name}-gan", value=module(f"calls_{name}", text)) for name, text in sources.items()]
    found = discover(offers)
    assert found.problems == []
    run = object()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        assert found.callbacks(run) == [run, "first", "last"]
    assert ["beta-gan" in str(warned[0].message), "delta-gan" in str(warned[1].message)] == [True, True]
    assert [(problem.source, problem.stage) for problem in found.problems] == [("beta", "hook"), ("delta", "hook")]
    assert "no attribute 'absent'" in found.problems[0].cause


# -- the built-in components

BUILTIN = {
    Loss: "hinge least-squares minimax non-saturating relativistic relativistic-average relativistic-average-hinge "
    "relativistic-average-least-squares wasserstein",
    Penalty: "bcr cr dragan drift feature-matching gradient-penalty lecam mode-seeking one-sided-gradient-penalty orthogonal "
    "r1 r2 weight-clip zcr zero-centred-gradient-penalty",
    Augmentation: "ada diffaugment",
    Dataset: "checkerboard fashion-12k fashion-edges fashion-trousers-dresses grid moons ring swiss-roll",
    Metric: "authenticity bits-per-dim cas class-kl class-modes cmmd ct duplicates energy fd fd-infinity feature-diversity gan-test "
    "high-quality inception-score intra-fd kid mifid modes-captured ms-ssim nll path-length prdc rarity reverse-kl "
    "sliced-wasserstein spectrum swd two-sample vendi",
}


@pytest.mark.parametrize("kind", BUILTIN)
def test_builtin_names(kind: type[Record]) -> None:
    assert [entry.record.name for entry in discover([]).entries(kind)] == BUILTIN[kind].split()


def test_builtin_facts() -> None:
    found = discover([])
    assert found.problems == []
    assert {e.record.name for e in found.entries(Loss) if not e.record.separates} == {
        "relativistic-average",
        "relativistic-average-least-squares",
        "relativistic-average-hinge",
    }
    assert all(e.record.needs_real == e.record.name.startswith("relativistic") for e in found.entries(Loss))
    assert found.find(Penalty, "drift").record.weight == 0.001
    assert {e.record.modality for e in found.entries(Dataset) if "fashion" not in e.record.name} == {"points"}
    assert {e.distribution for e in found.entries(Loss)} == {"ganzoo"}
    assert {e.version for e in found.entries(Loss)} == {ganzoo.__version__}
    licences = {e.record.name: e.record.licence for kind in RECORD_HOOKS.values() for e in found.entries(kind)}
    assert {licences.pop(name) for name in list(licences) if "fashion" in name} == {"MIT"}
    assert set(licences.values()) == {"Apache-2.0"}


def test_builtin_targets_exist() -> None:
    found = discover([])
    for kind in RECORD_HOOKS.values():
        for entry in found.entries(kind):
            target: Any = found.load(entry)
            assert callable(target), entry.id
            for fact in ("needs_real", "separates"):  # what the code says of itself too
                assert getattr(target, fact, None) in (None, getattr(entry.record, fact, None)), (entry.id, fact)
            if isinstance(entry.record, Dataset):
                assert list(entry.record.options) == list(inspect.signature(target).parameters), entry.id


def test_official_tables_agree() -> None:
    assert set(OFFICIAL_ARCHITECTURES.values()) <= set(OFFICIAL_PLUGINS)
