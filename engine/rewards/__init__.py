"""What the exchange's incentive programs pay a maker: rules by date, scores of a snapshot, payouts of a period."""
