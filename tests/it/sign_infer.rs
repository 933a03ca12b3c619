//! Recipes inferred from signatures that other libraries made.

use std::time::Instant;

use payon_sim::base::{Fields, Operation};
use payon_sim::crypto::{
    Held, Inference, PrivateKey, PublicKey, Recipe, Sample, SearchBudget, Secret, VerifyKey, infer,
    verify,
};
use payon_sim::profile::Profile;
use payon_sim::wire::redact;
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    vectors: Vec<Vector>,
}

/// One recipe, by what it signed.
#[derive(Deserialize)]
struct Vector {
    name: String,
    key: Option<String>,
    secret: Option<String>,
    samples: Vec<String>,
    held_out: String,
}

/// The most strings that one vector may take: they are a second's work of the program as it is released.
const CANDIDATES: u64 = 1_000_000;

fn vectors() -> Vec<Vector> {
    let text = include_str!("../../fixtures/vectors/sign-infer.json");
    serde_json::from_str::<Vectors>(text).unwrap().vectors
}

fn public_key(name: &str) -> PublicKey {
    let text = include_str!("../../fixtures/vectors/crypto.json");
    let vectors: serde_json::Value = serde_json::from_str(text).unwrap();
    let text = vectors["keys"][name]["private_pkcs8_der_base64"].as_str().unwrap();
    PrivateKey::parse(text).unwrap().public_key().clone()
}

fn held(key: Option<&str>, secret: Option<&str>) -> Held {
    Held { key: key.map(public_key), secret: secret.map(|text| Secret::new(text).unwrap()) }
}

fn infer_from(bodies: &[String], held: &Held, candidates: u64) -> Inference {
    let sample = |(at, body): (usize, &'_ String)| {
        let body = body.clone().leak();
        Sample::new(format!("sample {at}"), Some(Operation::Refund), body).unwrap()
    };
    let samples = bodies.iter().enumerate().map(sample).collect::<Vec<_>>();
    let budget = SearchBudget { candidates, keep_going: &|| true };
    let operations = &Profile::builtin().operations;
    infer(
        &samples,
        held,
        &|of| operations.get(of).listed(),
        &|body| redact(operations.secrets(), body),
        &budget,
    )
}

fn verifies(recipe: &Recipe, held: &Held, body: &str) -> bool {
    let fields = Fields::parse(body.as_bytes()).unwrap();
    let key = match (&held.key, &held.secret) {
        (Some(key), Some(secret)) => VerifyKey::RsaAndShared(key.clone(), secret.clone()),
        (Some(key), None) => VerifyKey::Rsa(key.clone()),
        (None, Some(secret)) => VerifyKey::Shared(secret.clone()),
        (None, None) => panic!("no key"),
    };
    verify(recipe, &key, &fields, &fields.text("sign").unwrap()).is_ok()
}

/// So many threads share the vectors, since the two processors of a test machine do.
const SHARES: usize = 4;

#[test]
fn the_recipe_of_every_vector_is_found_and_holds_for_another_request() {
    let vectors = vectors();
    assert!(vectors.len() >= 120, "{}", vectors.len());
    let wrong = std::thread::scope(|scope| {
        let shares = (0..SHARES).map(|share| {
            let own = vectors.iter().skip(share).step_by(SHARES);
            scope.spawn(|| own.filter_map(fault).collect::<Vec<_>>())
        });
        let shares = shares.collect::<Vec<_>>();
        shares.into_iter().flat_map(|share| share.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The reason why a vector's recipe is not right.
fn fault(vector: &Vector) -> Option<String> {
    let held = held(vector.key.as_deref(), vector.secret.as_deref());
    let begun = Instant::now();
    let inference = infer_from(&vector.samples, &held, CANDIDATES);
    let took = begun.elapsed().as_millis();
    println!("{took:6} ms {:9} {}", inference.tried, vector.name);
    match &inference.recipe {
        None => Some(format!("{}: none", vector.name)),
        Some(recipe) if !verifies(recipe, &held, &vector.held_out) => {
            Some(format!("{}: {recipe:?}", vector.name))
        }
        Some(_) => None,
    }
}

#[derive(Deserialize)]
struct DefaultVectors {
    sign: Vec<DefaultVector>,
}

/// A signature of the default recipe.
#[derive(Deserialize)]
struct DefaultVector {
    name: String,
    key: String,
    canonical: String,
    body: String,
}

#[test]
fn every_signature_of_the_default_recipe_gives_that_recipe() {
    let text = include_str!("../../fixtures/vectors/crypto.json");
    let vectors = serde_json::from_str::<DefaultVectors>(text).unwrap().sign;
    assert_eq!(vectors.len(), 31);
    for vector in vectors {
        let held = held(Some(&vector.key), None);
        let inference = infer_from(&[vector.body], &held, CANDIDATES);
        let recipe = inference.recipe.expect(&vector.name);
        let usual =
            Recipe { algorithm: recipe.algorithm, encoding: recipe.encoding, ..Recipe::default() };
        assert_eq!(recipe, usual, "{}", vector.name);
        assert_eq!(inference.proofs[0].signed, vector.canonical, "{}", vector.name);
    }
}

/// Whatever does not belong together gives no recipe at all.
#[test]
fn tampered_and_unrelated_samples_give_no_recipe() {
    let vectors = vectors();
    for (at, vector) in vectors.iter().enumerate().filter(|(at, _)| at % 8 == 0) {
        let held = held(vector.key.as_deref(), vector.secret.as_deref());
        let tampered = vector.samples[0].replacen("C0000143", "C0000144", 1);
        let mut later = vectors[at + 1..].iter().chain(&vectors[..at]);
        let moved =
            later.find(|other| (&other.key, &other.secret) == (&vector.key, &vector.secret));
        let alone = infer_from(&[tampered], &held, 3_000);
        let is_unsigned = alone.proofs.iter().all(|proof| !proof.signed.contains("C0000144"));
        assert!(alone.recipe.is_none() || is_unsigned, "{}: {:?}", vector.name, alone.recipe);
        if let Some(other) = moved {
            let both = [vector.samples[0].clone(), other.samples[0].clone()];
            let inference = infer_from(&both, &held, 3_000);
            if let Some(recipe) = &inference.recipe {
                assert!(both.iter().all(|body| verifies(recipe, &held, body)), "{}", vector.name);
            }
        }
    }
}

/// Settings that a sample cannot show are named, and a sample that shows them decides.
#[test]
fn what_one_sample_leaves_open_is_said_and_two_decide() {
    let two = vectors()
        .into_iter()
        .find(|vector| vector.name.starts_with("sorted, blanks kept"))
        .unwrap();
    let held = held(two.key.as_deref(), two.secret.as_deref());
    let plain = vectors().into_iter().find(|vector| vector.name == "hmac sha1, hex").unwrap();
    let open = |bodies: &[String]| {
        let inference = infer_from(bodies, &held, CANDIDATES);
        inference.undecided.iter().map(|open| open.setting).collect::<Vec<_>>()
    };
    let one = open(&plain.samples);
    for setting in ["order", "omit_empty", "escape", "charset"] {
        assert!(one.contains(&setting), "{setting} is not in {one:?}");
    }
    let both = open(&two.samples);
    assert!(!both.contains(&"omit_empty"), "{both:?}");
}
