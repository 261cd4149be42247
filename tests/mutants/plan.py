"""Which modules prove something, and the tests nearest to each."""

from __future__ import annotations

NEAREST: dict[str, tuple[str, ...]] = {
    "rigor/arithmetic.py": ("rigor/test_arithmetic.py", "rigor/test_slacks_of_bands.py"),
    "rigor/rounding.py": (
        "rigor/test_rounding.py",
        "rigor/test_terms_of_bounds.py",
        "rigor/test_extreme_scales.py",
    ),
    "rigor/signs.py": ("rigor/test_signs.py", "rigor/test_terms_of_bounds.py", "rigor/test_extreme_scales.py"),
    "rigor/singular.py": (
        "rigor/test_slacks_of_matrices.py",
        "rigor/test_singular.py",
        "rigor/test_terms_of_singular_bounds.py",
        "rigor/test_extreme_scales.py",
    ),
    "rigor/normal_band.py": (
        "rigor/test_slacks_of_bands.py",
        "rigor/test_terms_of_singular_bounds.py",
        "rigor/test_normal_band.py",
    ),
    "rigor/deflation.py": (
        "rigor/test_slacks_of_bands.py",
        "rigor/test_terms_of_deflation.py",
        "rigor/test_normal_band.py",
    ),
    "rigor/scaled_rows.py": (
        "rigor/test_slacks_of_matrices.py",
        "rigor/test_terms_of_scaled_rows.py",
        "rigor/test_normal_band.py",
        "rigor/test_extreme_scales.py",
    ),
    "rigor/matrices.py": (
        "rigor/test_matrices.py",
        "rigor/test_slacks_of_bands.py",
        "cones/test_terms_of_proofs.py",
    ),
    "cones/proofs/": (
        "cones/test_terms_of_proofs.py",
        "cones/test_terms_of_directions.py",
        "preimages/test_certificates.py",
    ),
    "cones/proofs/block_by_block.py": ("cones/test_blocks.py",),
    "cones/cone.py": ("cones/test_terms_of_proofs.py", "preimages/test_certificates.py"),
    "cones/decide.py": (
        "cones/test_routes.py",
        "cones/test_safety_nets.py",
        "preimages/test_certificates.py",
        "preimages/test_known_answers.py",
    ),
    "cones/decide_sparse.py": ("cones/test_routes.py", "cones/test_sparse_safety_nets.py"),
    "preimages/certificates/motzkin.py": ("preimages/test_sums_of_motzkin.py", "preimages/test_terms_of_motzkin.py"),
    "preimages/certificates/witness.py": ("preimages/test_slacks_of_witness.py", "preimages/test_terms_of_witness.py"),
    "preimages/certificates/sign_system.py": (
        "preimages/test_slacks_of_witness.py",
        "preimages/test_terms_of_motzkin.py",
        "preimages/test_terms_of_witness.py",
    ),
    "preimages/preimage_certificate.py": (
        "preimages/test_preimage_certificate.py",
        "preimages/test_certificates.py",
        "preimages/test_feature_certificates.py",
    ),
    "preimages/stability_radius.py": (
        "preimages/test_slacks_of_radius.py",
        "preimages/test_terms_of_radius.py",
        "preimages/test_stability_radius.py",
    ),
    "polyhedra/functional_bound.py": (
        "polyhedra/test_slacks_of_sums.py",
        "polyhedra/test_terms_of_bounds.py",
        "polyhedra/test_functional_bound.py",
    ),
    "polyhedra/distance_bound.py": (
        "polyhedra/test_slacks_of_sums.py",
        "polyhedra/test_terms_of_distance.py",
        "polyhedra/test_distance_bound.py",
    ),
    "polyhedra/radius_bound.py": (
        "polyhedra/test_slacks_of_members.py",
        "polyhedra/test_terms_of_bounds.py",
        "polyhedra/test_functional_bound.py",
    ),
    "polyhedra/membership.py": (
        "polyhedra/test_slacks_of_members.py",
        "polyhedra/test_terms_of_members.py",
        "polyhedra/test_membership.py",
    ),
    "polyhedra/exact_membership.py": ("polyhedra/test_exact_membership.py", "polyhedra/test_membership.py"),
    "polyhedra/interior_proof.py": (
        "polyhedra/test_slacks_of_members.py",
        "polyhedra/test_terms_of_members.py",
        "polyhedra/test_redundancy.py",
    ),
    "polyhedra/boundedness.py": ("polyhedra/test_terms_of_bounds.py", "polyhedra/test_boundedness.py"),
    "polyhedra/domain_at.py": ("polyhedra/test_slacks_of_domains.py", "polyhedra/test_domain_at.py"),
    "preimages/search/exact_piece.py": ("inverse/test_exact_pieces.py",),
    "preimages/among_values.py": ("preimages/test_among_values.py",),
    "exact/member.py": ("exact/test_verify.py",),
    "exact/infeasible.py": ("exact/test_verify.py", "exact/test_feasible.py"),
    "exact/hull.py": ("exact/test_slacks_of_integers.py", "exact/test_verify.py", "exact/test_hull.py"),
    "exact/system.py": ("exact/test_slacks_of_integers.py", "exact/test_verify.py", "exact/test_feasible.py"),
    "exact/integers.py": ("exact/test_verify.py", "exact/test_cone.py"),
    "exact/modular.py": ("exact/test_slacks_of_integers.py", "exact/test_verify.py", "exact/test_modular.py"),
    "exact/null_space.py": ("exact/test_null_space.py",),
    "solvers/pivoting.py": ("solvers/test_pivoting.py",),
}
"""Modules, or folders of them, and test files below `tests/`, those that see most of it first."""


def nearest(module: str) -> tuple[str, ...]:
    """The tests of a module; none for one that proves nothing."""
    fitting = [name for name in NEAREST if module == name or (name.endswith("/") and module.startswith(name))]
    return NEAREST[max(fitting, key=len)] if fitting else ()
