-- A restore that ends lets its workspace's tasks start again: the dispatcher looks at once.
CREATE TRIGGER workspace_backups_admission AFTER UPDATE ON workspace_backups
  FOR EACH ROW WHEN (OLD.kind = 'restore' AND OLD.state = 'running' AND NEW.state <> 'running')
  EXECUTE FUNCTION notify_admission();
