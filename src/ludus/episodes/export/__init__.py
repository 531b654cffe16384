"""Episodes as data sets that other libraries open: LeRobotDataset v3 and Minari. T steps, H W pixels, C colours."""
