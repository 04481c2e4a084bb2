// Tests of the core play over the neighbours of the protocol simulation; whoever imports this has them.
@_exported import ProtocolSimulation
