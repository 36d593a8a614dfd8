"""Which cluster an Azure resource id belongs to."""

import pytest

from events.names import azure_node_group

PROVIDER = "providers/Microsoft.Network/loadBalancers/kubernetes"


@pytest.mark.parametrize(
    ("group", "cluster"),
    [
        ("MC_rg_prod-1_westeurope", "prod-1"),
        ("mc_rg_shop_a_PROD-1_westeurope", "prod-1"),
        ("MC_rg_prod-1", ""),
        ("MC__", ""),
        ("MC_rg__westeurope", ""),
        ("rg_MC_prod-1_westeurope", ""),
        ("MCrg_a_prod-1_westeurope", ""),
        (f"MC_{'r' * 70}_prod-1", ""),
        (f"MC_{'r' * 60}_prod-1_westeurope", ""),
        ("our-own-name", ""),
    ],
)
def test_the_group_of_the_nodes_names_the_cluster_unless_it_may_be_cut_or_is_of_another_kind(
    group: str, cluster: str
) -> None:
    assert azure_node_group(f"/subscriptions/x/resourceGroups/{group}/{PROVIDER}") == cluster


def test_an_id_without_a_group_names_no_cluster() -> None:
    assert azure_node_group("/subscriptions/x") == azure_node_group("") == ""
