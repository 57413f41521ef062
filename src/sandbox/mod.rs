//! A simulated AWS (ECR and ECS) at the wire, for the demo and the tests. Knows nothing of the rest of Shipmate.
