"""A method outside of the project: it inpaints the convex hull of what is seen. It needs NumPy and OpenCV alone.

python examples/inpaint_hull.py INPUTS OUTPUTS
"""

import shutil
import sys
from pathlib import Path

import cv2
import numpy as np


def complete(frame, visible):
    """One frame's object as RGBA: the hull of the visible part, its hidden pixels inpainted."""
    hull = np.zeros_like(visible)
    points = cv2.findNonZero(visible)
    if points is not None:
        cv2.fillConvexPoly(hull, cv2.convexHull(points), 255)
        frame = cv2.inpaint(frame, np.where(visible > 0, 0, 255).astype(np.uint8), 3, cv2.INPAINT_NS)
    return np.dstack([frame, hull | visible])


inputs, outputs = map(Path, sys.argv[1:])
for sample in sorted(path for path in inputs.iterdir() if path.is_dir()):
    text = (sample / "text.txt").read_text(encoding="utf-8")  # what the object is; this method cannot read
    (outputs / sample.name).mkdir(parents=True, exist_ok=True)
    for path in sorted((sample / "frames").glob("*.png")):
        frame = cv2.imread(str(path))
        visible = cv2.imread(str(sample / "visible" / path.name), cv2.IMREAD_GRAYSCALE)
        cv2.imwrite(str(outputs / sample.name / path.name), complete(frame, visible))
shutil.copy(inputs / "export.json", outputs)  # it says of which clips the outputs were made
