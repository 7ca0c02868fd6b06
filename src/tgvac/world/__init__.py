"""The world: a procedural source of video and pictures in the layouts of four data sets, with its truth beside it."""
