"""What lies in a workspace: ground truth, raw results, what is measured of them, and where it is kept.

``raw`` decodes a result file, ``runs`` finds and measures those of a tracker, ``cache`` keeps what was measured,
``overlap`` is the measure. ``storage`` writes results, ``runfiles`` looks at what an interrupted evaluation left,
``provenance`` tells what made them. ``annotations`` and ``groundtruth`` are the data set's side; ``importing`` and
``otb`` take in what others have published.
"""
