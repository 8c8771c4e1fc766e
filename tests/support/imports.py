"""Files of another program."""

BASE = "optimizer,lr,wd,seed,val_error,test_error\n"
ROWS = "adamw,0.1,0,0,0.2,0.25\nadamw,0.1,0,1,0.3,0.35\nsgd,0.1,0.01,0,0.4,0.45\n"
CIFAR = "--set dataset=cifar10 model=resnet18"
