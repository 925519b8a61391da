from mskgraph.cli import main

main()
