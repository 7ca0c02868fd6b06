"""The world: a procedural source of videos and images in the layouts of four data sets, with ground truth."""
