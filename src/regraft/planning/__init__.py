"""Look, measure, split, decide: size x similarity -> plan, reasons, costs."""
