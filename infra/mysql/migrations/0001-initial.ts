/**
 * The first schema. Each constraint and index has its reason beside it.
 * SQL stays in the subset common to MariaDB 10.11 and MySQL 8.4.
 */
import type { MigrationInterface, QueryRunner } from 'typeorm';

const TABLES: readonly string[] = [
  `CREATE TABLE members (
    id VARCHAR(36) NOT NULL PRIMARY KEY,
    username VARCHAR(64) NOT NULL,
    password_hash VARCHAR(255) NOT NULL,
    role VARCHAR(8) NOT NULL DEFAULT 'MEMBER',
    tokens_valid_after DATETIME(3) NULL,
    created_at DATETIME(3) NOT NULL,
    UNIQUE KEY uq_members_username (username),
    -- the gateways re-read whose older tokens are void
    KEY ix_members_tokens_valid_after (tokens_valid_after)
  )`,
  `CREATE TABLE sessions (
    id VARCHAR(36) NOT NULL PRIMARY KEY,
    member_id VARCHAR(36) NOT NULL,
    created_at DATETIME(3) NOT NULL,
    expires_at DATETIME(3) NOT NULL,
    revoked_at DATETIME(3) NULL,
    KEY ix_sessions_member (member_id),
    -- the gateways re-read what was revoked lately
    KEY ix_sessions_revoked (revoked_at)
  )`,
  `CREATE TABLE refresh_tokens (
    token_hash CHAR(64) NOT NULL PRIMARY KEY,
    session_id VARCHAR(36) NOT NULL,
    created_at DATETIME(3) NOT NULL,
    expires_at DATETIME(3) NOT NULL,
    used_at DATETIME(3) NULL,
    KEY ix_refresh_tokens_session (session_id)
  )`,
  `CREATE TABLE products (
    id VARCHAR(36) NOT NULL PRIMARY KEY,
    name VARCHAR(200) NOT NULL,
    type VARCHAR(8) NOT NULL,
    price INT NOT NULL,
    opens_at DATETIME(3) NULL,
    closes_at DATETIME(3) NULL,
    limit_per_member INT NULL,
    version INT NOT NULL DEFAULT 1,
    created_at DATETIME(3) NOT NULL,
    updated_at DATETIME(3) NOT NULL
  )`,
  `CREATE TABLE stock (
    product_id VARCHAR(36) NOT NULL PRIMARY KEY,
    on_hand INT NOT NULL DEFAULT 0,
    held INT NOT NULL DEFAULT 0,
    sold INT NOT NULL DEFAULT 0,
    -- number of the latest adjustment the gate has to apply
    adjustments INT NOT NULL DEFAULT 0,
    -- never oversell, whatever a statement forgets
    CONSTRAINT ck_stock_units CHECK (on_hand >= 0 AND held >= 0 AND sold >= 0 AND held + sold <= on_hand)
  )`,
  `CREATE TABLE stock_adjustments (
    product_id VARCHAR(36) NOT NULL,
    n INT NOT NULL,
    delta INT NOT NULL,
    reason VARCHAR(20) NOT NULL,
    reference VARCHAR(64) NULL,
    created_at DATETIME(3) NOT NULL,
    PRIMARY KEY (product_id, n)
  )`,
  `CREATE TABLE member_limits (
    product_id VARCHAR(36) NOT NULL,
    member_id VARCHAR(36) NOT NULL,
    units INT NOT NULL,
    max_units INT NOT NULL,
    PRIMARY KEY (product_id, member_id),
    CONSTRAINT ck_member_limits_units CHECK (units >= 0 AND units <= max_units)
  )`,
  `CREATE TABLE cart_items (
    member_id VARCHAR(36) NOT NULL,
    product_id VARCHAR(36) NOT NULL,
    quantity INT NOT NULL,
    created_at DATETIME(3) NOT NULL,
    updated_at DATETIME(3) NOT NULL,
    PRIMARY KEY (member_id, product_id)
  )`,
  `CREATE TABLE orders (
    id VARCHAR(36) NOT NULL PRIMARY KEY,
    member_id VARCHAR(36) NOT NULL,
    sequence BIGINT NOT NULL,
    status VARCHAR(16) NOT NULL,
    amount BIGINT NOT NULL,
    -- accepted lines with the prices the buyer saw; order_lines are written by createOrder
    items JSON NOT NULL,
    idempotency_key VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    body_hash CHAR(64) CHARACTER SET ascii NOT NULL,
    generation INT NOT NULL,
    from_cart TINYINT NOT NULL DEFAULT 0,
    -- products whose limit per member this order counts against; the same are released when it ends
    limited_products JSON NOT NULL,
    -- the buyer already confirms: head of the dispatcher's line
    paying TINYINT NOT NULL DEFAULT 0,
    -- workflow id; only its writes are taken
    owner VARCHAR(80) NULL,
    owner_epoch INT NOT NULL DEFAULT 0,
    claimed_at DATETIME(3) NULL,
    dispatched_at DATETIME(3) NULL,
    start_attempts INT NOT NULL DEFAULT 0,
    active_payment VARCHAR(36) NULL,
    pay_by DATETIME(3) NULL,
    -- counts the order's changes; events carry it
    version INT NOT NULL DEFAULT 1,
    created_at DATETIME(3) NOT NULL,
    updated_at DATETIME(3) NOT NULL,
    UNIQUE KEY uq_orders_sequence (sequence),
    UNIQUE KEY uq_orders_key (member_id, idempotency_key),
    -- the dispatcher's line
    KEY ix_orders_line (status, owner, paying, sequence),
    -- a member's orders, newest first
    KEY ix_orders_member (member_id, id),
    KEY ix_orders_owner (owner)
  )`,
  `CREATE TABLE order_lines (
    order_id VARCHAR(36) NOT NULL,
    product_id VARCHAR(36) NOT NULL,
    name VARCHAR(200) NOT NULL,
    quantity INT NOT NULL,
    unit_price INT NOT NULL,
    PRIMARY KEY (order_id, product_id)
  )`,
  `CREATE TABLE order_history (
    -- the event stream's event id
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    order_id VARCHAR(36) NOT NULL,
    status VARCHAR(16) NOT NULL,
    reason VARCHAR(40) NULL,
    at DATETIME(3) NOT NULL,
    KEY ix_order_history_order (order_id, id)
  )`,
  `CREATE TABLE payments (
    -- also the provider's idempotency key
    id VARCHAR(36) NOT NULL PRIMARY KEY,
    order_id VARCHAR(36) NOT NULL,
    member_id VARCHAR(36) NOT NULL,
    -- null while READY
    payment_key VARCHAR(200) CHARACTER SET ascii COLLATE ascii_bin NULL,
    status VARCHAR(12) NOT NULL,
    amount BIGINT NOT NULL,
    -- what the provider says it captured, in won
    captured_amount BIGINT NULL,
    method VARCHAR(40) NULL,
    failure_code VARCHAR(80) NULL,
    approved_at DATETIME(3) NULL,
    created_at DATETIME(3) NOT NULL,
    updated_at DATETIME(3) NOT NULL,
    UNIQUE KEY uq_payments_key (order_id, payment_key),
    KEY ix_payments_member (member_id, id),
    -- what is UNKNOWN, CONFIRMING or REFUNDING is looked for
    KEY ix_payments_status (status, updated_at)
  )`,
  `CREATE TABLE payment_history (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    payment_id VARCHAR(36) NOT NULL,
    status VARCHAR(12) NOT NULL,
    reason VARCHAR(120) NULL,
    at DATETIME(3) NOT NULL,
    KEY ix_payment_history_payment (payment_id, id)
  )`,
  `CREATE TABLE refunds (
    id VARCHAR(36) NOT NULL PRIMARY KEY,
    order_id VARCHAR(36) NOT NULL,
    -- at most one refund per captured payment, always in full
    payment_id VARCHAR(36) NOT NULL,
    kind VARCHAR(10) NOT NULL,
    status VARCHAR(10) NOT NULL,
    amount BIGINT NOT NULL,
    reason VARCHAR(200) NOT NULL,
    requested_by VARCHAR(36) NULL,
    refused_code VARCHAR(80) NULL,
    created_at DATETIME(3) NOT NULL,
    updated_at DATETIME(3) NOT NULL,
    UNIQUE KEY uq_refunds_payment (payment_id),
    KEY ix_refunds_order (order_id),
    KEY ix_refunds_status (status, updated_at)
  )`,
  `CREATE TABLE outbox (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    event_id VARCHAR(36) NOT NULL,
    topic VARCHAR(20) NOT NULL,
    type VARCHAR(40) NOT NULL,
    order_id VARCHAR(36) NOT NULL,
    payload JSON NOT NULL,
    created_at DATETIME(3) NOT NULL,
    published_at DATETIME(3) NULL,
    UNIQUE KEY uq_outbox_event (event_id),
    -- the relay's poll
    KEY ix_outbox_unpublished (published_at, id),
    KEY ix_outbox_order (order_id, id)
  )`,
  `CREATE TABLE inbox (
    consumer VARCHAR(40) NOT NULL,
    event_id VARCHAR(36) NOT NULL,
    at DATETIME(3) NOT NULL,
    PRIMARY KEY (consumer, event_id)
  )`,
  `CREATE TABLE consumed_versions (
    -- per consumer and order: the newest version seen; older events are ignored
    consumer VARCHAR(40) NOT NULL,
    order_id VARCHAR(36) NOT NULL,
    version INT NOT NULL,
    PRIMARY KEY (consumer, order_id)
  )`,
  `CREATE TABLE notifications (
    id VARCHAR(36) NOT NULL PRIMARY KEY,
    member_id VARCHAR(36) NOT NULL,
    event_id VARCHAR(36) NOT NULL,
    kind VARCHAR(40) NOT NULL,
    order_id VARCHAR(36) NOT NULL,
    text VARCHAR(500) NOT NULL,
    created_at DATETIME(3) NOT NULL,
    UNIQUE KEY uq_notifications_event (event_id),
    KEY ix_notifications_member (member_id, id)
  )`,
  `CREATE TABLE sales_minutes (
    product_id VARCHAR(36) NOT NULL,
    minute DATETIME NOT NULL,
    units INT NOT NULL,
    revenue BIGINT NOT NULL,
    PRIMARY KEY (product_id, minute)
  )`,
  `CREATE TABLE idempotency_keys (
    member_id VARCHAR(36) NOT NULL,
    -- method and route template
    scope VARCHAR(100) NOT NULL,
    idempotency_key VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    body_hash CHAR(64) CHARACTER SET ascii NOT NULL,
    status SMALLINT NOT NULL,
    body JSON NOT NULL,
    created_at DATETIME(3) NOT NULL,
    PRIMARY KEY (member_id, scope, idempotency_key),
    KEY ix_idempotency_keys_age (created_at)
  )`,
  `CREATE TABLE webhook_events (
    id VARCHAR(36) NOT NULL PRIMARY KEY,
    payload JSON NOT NULL,
    received_at DATETIME(3) NOT NULL,
    asked_at DATETIME(3) NULL,
    KEY ix_webhook_events_unasked (asked_at, id)
  )`,
  `CREATE TABLE gate (
    -- one row: the generation every acceptance checks, and the lease of the rebuild
    id TINYINT NOT NULL PRIMARY KEY,
    generation INT NOT NULL,
    lease_owner VARCHAR(64) NULL,
    lease_until DATETIME(3) NULL,
    rebuilt_at DATETIME(3) NULL
  )`,
  'INSERT INTO gate (id, generation) VALUES (1, 0)',
  `CREATE TABLE leases (
    -- a worker's right to be the only one; every write under it names the epoch
    name VARCHAR(40) NOT NULL PRIMARY KEY,
    epoch INT NOT NULL,
    holder VARCHAR(64) NULL,
    until DATETIME(3) NOT NULL
  )`,
  `CREATE TABLE dispatch_line (
    -- one row: dispatchers lock it to count what is in flight, so the bound holds for any number of them
    id TINYINT NOT NULL PRIMARY KEY,
    -- orders ever claimed; its growth is the drain rate
    claimed BIGINT NOT NULL
  )`,
  'INSERT INTO dispatch_line (id, claimed) VALUES (1, 0)',
  `CREATE TABLE dead_letters (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    source VARCHAR(40) NOT NULL,
    reference VARCHAR(80) NOT NULL,
    reason VARCHAR(500) NOT NULL,
    payload JSON NOT NULL,
    created_at DATETIME(3) NOT NULL,
    replayed_at DATETIME(3) NULL,
    KEY ix_dead_letters_source (source, id)
  )`,
];

const NAMES = TABLES.map((sql) => /^CREATE TABLE (\w+)/.exec(sql)?.[1]).filter((name) => name !== undefined);

export class Initial1764000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // The tables take the database's default, whoever created the database.
    await runner.query('ALTER DATABASE CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci');
    for (const sql of TABLES) await runner.query(sql);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const name of NAMES.reverse()) await runner.query(`DROP TABLE ${name}`);
  }
}
