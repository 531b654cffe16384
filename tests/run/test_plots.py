from __future__ import annotations

from xml.etree import ElementTree

from ludus.run.plots import Panel, Series, svg

SVG = "{http://www.w3.org/2000/svg}"


def _read(panels: list[Panel]) -> ElementTree.Element:
    return ElementTree.fromstring(svg(panels))


def _texts(root: ElementTree.Element) -> list[str]:
    return [text.text or "" for text in root.iter(f"{SVG}text")]


def test_a_curve_goes_through_its_points_from_the_left_edge_to_the_right_one() -> None:
    root = _read([Panel("returns", [Series("a <b>", [0, 1000, 2000], [0, 5, 10])], "steps")])
    (line,) = root.iter(f"{SVG}polyline")
    points = [tuple(map(float, point.split(","))) for point in line.attrib["points"].split()]
    assert [x for x, _ in points] == [52, 233, 414]
    assert points[0][1] > points[1][1] > points[2][1] and points[1][1] == (points[0][1] + points[2][1]) / 2
    assert {"returns", "a <b>", "steps", "1 k", "2 k", "10"} <= set(_texts(root))


def test_logarithms_labels_bands_and_dots() -> None:
    log = Panel("rate", [Series("", [1e-4, 1e-2], [1, 1], dots=True)], log=True)
    named = Panel("kind", [Series("", [0, 1], [1, 2], ([0, 1], [2, 3]))], x_labels={0: "small", 1: "large"})
    root = _read([log, named])
    assert {"1e-4", "1e-3", "1e-2", "small", "large"} <= set(_texts(root))
    assert [float(dot.attrib["cx"]) for dot in root.iter(f"{SVG}circle")] == [52, 414]
    assert len(list(root.iter(f"{SVG}polygon"))) == 1


def test_an_axis_ends_with_its_points_where_a_mark_lies_between_them() -> None:
    root = _read([Panel("returns", [Series("", [0, 301_000], [0, 1])])])
    (line,) = root.iter(f"{SVG}polyline")
    assert [point.split(",")[0] for point in line.attrib["points"].split()] == ["52.0", "414.0"]
    assert "300 k" in _texts(root) and "400 k" not in _texts(root)
    between = _read([Panel("rate", [Series("", [2e-4, 7e-4], [1, 1], dots=True)], log=True)])
    assert {"1e-4", "1e-3"} <= set(_texts(between))


def test_one_point_alone_can_be_drawn() -> None:
    assert len(list(_read([Panel("one", [Series("", [3], [4], dots=True)])]).iter(f"{SVG}circle"))) == 1
    assert len(list(_read([Panel("one", [Series("", [1], [4], dots=True)], log=True)]).iter(f"{SVG}circle"))) == 1
