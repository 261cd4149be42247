"""The report: reads the stored records of studies and draws them; computes no science."""
