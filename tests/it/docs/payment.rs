use payon_sim::{OrderRequest, Simulator};

#[tokio::test]
async fn a_payment_is_refunded() -> Result<(), Box<dyn std::error::Error>> {
    let simulator = Simulator::builder().seed(42).start().await?;
    let space = simulator.space("shop").await?;
    // Your shop gets space.url(), space.merchant_id(), space.term_id() and space.private_key().
    let order = space.register(OrderRequest::purchase("rust-1", "2.00")).await?;
    assert!(order.is_success());
    space.pay("rust-1").await?; // the payer, played by the simulator
    assert_eq!(space.status("rust-1").await?.body()["resultData"]["txStCd"], "COMPLETE");
    assert!(space.refund("rust-1").await?.is_success());
    Ok(())
}
